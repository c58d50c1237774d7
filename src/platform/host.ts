/** The only room that looks at the runtime. Everything is found by feature, so one build serves Node, Deno, Bun and browsers. */

/** What `heap.watch` needs of a worker: Node's, Deno's and Bun's `worker_threads` Worker has it. */
export interface ExitingWorker {
  readonly threadId: number;
  once(event: 'exit', listener: () => void): unknown;
  off?(event: 'exit', listener: () => void): unknown;
}

interface HostProcess {
  getBuiltinModule?: (name: string) => object | undefined;
  readonly env?: Readonly<Partial<Record<string, string>>>;
  emitWarning?: (warning: string, options: { type: string }) => void;
  on?: (event: 'exit', listener: () => void) => unknown;
}

const hostProcess = (): HostProcess | undefined => (globalThis as { process?: HostProcess }).process;

/** A module of the runtime's own, where it hands them out without an import: Node from 20.16 on, Deno, Bun. */
export function builtin<Module extends object>(name: `node:${string}`): Module | undefined {
  return hostProcess()?.getBuiltinModule?.(name) as Module | undefined;
}

let tag = 0;

/**
 * A positive number that names the calling thread among those sharing memory with it: the runtime's thread id + 1 where
 * there is one, which is how an exit event is matched to its slot; elsewhere a random number.
 */
export function threadTag(): number {
  if (tag === 0) {
    const threadId = builtin<{ threadId?: number }>('node:worker_threads')?.threadId;
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

let atExit: Set<() => void> | undefined;

/** Calls when this thread ends by itself, where the runtime says so; returns what takes it back. One listener for all. */
export function whenExiting(call: () => void): () => void {
  if (atExit === undefined) {
    const calls = (atExit = new Set());
    hostProcess()?.on?.('exit', () => {
      for (const each of calls) each();
    });
  }
  const calls = atExit;
  calls.add(call);
  return () => void calls.delete(call);
}

interface Timers {
  readonly setInterval: (call: () => void, milliseconds: number) => { unref?: () => void };
  readonly clearInterval: (timer: object) => void;
}

/** Calls again and again without keeping the program alive; returns what ends that. */
export function every(milliseconds: number, call: () => void): () => void {
  const { setInterval, clearInterval } = globalThis as unknown as Timers;
  const timer = setInterval(call, milliseconds);
  timer.unref?.();
  return () => clearInterval(timer);
}
