/** The only room that looks at the runtime. Everything is found by feature, so one build serves Node, Deno, Bun and browsers. */

/** What `heap.watch` needs of a worker: Node's, Deno's and Bun's `worker_threads` Worker has it. */
export interface ExitingWorker {
  readonly threadId: number;
  once(event: 'exit', listener: () => void): unknown;
  off?(event: 'exit', listener: () => void): unknown;
}

interface HostFiles {
  writeFileSync(path: string, text: string): void;
  appendFileSync(path: string, text: string): void;
}

interface HostProcess {
  getBuiltinModule?: (name: string) => ({ threadId?: number } & Partial<HostFiles>) | undefined;
  readonly env?: Readonly<Partial<Record<string, string>>>;
  emitWarning?: (warning: string, options: { type: string }) => void;
  once?: (event: 'exit', listener: () => void) => unknown;
}

const hostProcess = (): HostProcess | undefined => (globalThis as { process?: HostProcess }).process;

let tag = 0;

/**
 * A positive number that names the calling thread among those sharing memory with it: the runtime's thread id + 1 where
 * there is one, which is how an exit event is matched to its slot; elsewhere a random number.
 */
export function threadTag(): number {
  if (tag === 0) {
    const threadId = hostProcess()?.getBuiltinModule?.('node:worker_threads')?.threadId;
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

/** The environment variables, where the runtime has any. */
export function environment(): Readonly<Partial<Record<string, string>>> {
  return hostProcess()?.env ?? {};
}

/** Writes a text file, anew or at its end. Throws what the runtime throws, or that it has no files. */
export function writeText(path: string, text: string, how: 'anew' | 'at the end'): void {
  const files = hostProcess()?.getBuiltinModule?.('node:fs');
  const write = how === 'anew' ? files?.writeFileSync : files?.appendFileSync;
  if (write === undefined) throw new Error('this runtime has no files');
  write(path, text);
}

const warned = new Set<string>();

/** Says what is deprecated or went wrong, once a thread, in the runtime's own way: Node shows it on standard error. */
export function warnOnce(warning: string, type: 'DeprecationWarning' | 'Warning' = 'DeprecationWarning'): void {
  if (warned.has(warning)) return;
  warned.add(warning);
  hostProcess()?.emitWarning?.(`sabmalloc: ${warning}`, { type });
}

/** Puts a text on the console: standard error in Node, Deno and Bun. */
export function say(text: string): void {
  (globalThis as { console?: { error: (text: string) => void } }).console?.error(text);
}

const exiting = new Set<() => void>();

/** Has a function called when this thread ends by itself or by `process.exit`, where the runtime tells. Returns what takes it back. */
export function atExit(listener: () => void): () => void {
  if (exiting.size === 0)
    hostProcess()?.once?.('exit', () => {
      for (const each of exiting) each();
      exiting.clear();
    });
  exiting.add(listener);
  return () => void exiting.delete(listener);
}
