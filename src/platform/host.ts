/** The only room that looks at the runtime. Everything is found by feature, so one build serves Node, Deno, Bun and browsers. */

/** What `heap.watch` needs of a worker: Node's, Deno's and Bun's `worker_threads` Worker has it. */
export interface ExitingWorker {
  readonly threadId: number;
  once(event: 'exit', listener: () => void): unknown;
  off?(event: 'exit', listener: () => void): unknown;
}

interface HostProcess {
  getBuiltinModule?: (name: string) => { threadId?: number } | undefined;
}

let tag = 0;

/**
 * A positive number that names the calling thread among those sharing memory with it: the runtime's thread id + 1 where
 * there is one, which is how an exit event is matched to its slot; elsewhere a random number.
 */
export function threadTag(): number {
  if (tag === 0) {
    const host = (globalThis as { process?: HostProcess }).process;
    const threadId = host?.getBuiltinModule?.('node:worker_threads')?.threadId;
    tag = threadId === undefined ? 0x40000000 + Math.floor(Math.random() * 0x3fffffff) : tagOfThread(threadId);
  }
  return tag;
}

export function tagOfThread(threadId: number): number {
  return threadId + 1;
}

export function isExitingWorker(worker: unknown): worker is ExitingWorker {
  if (typeof worker !== 'object' || worker === null) return false;
  const candidate = worker as Partial<ExitingWorker>;
  return typeof candidate.threadId === 'number' && typeof candidate.once === 'function';
}
