import { Worker } from 'node:worker_threads';
import { type Heap } from 'sabmalloc';
import { afterEach } from 'vitest';

/** What went wrong in a worker, as it saw it. */
export class RemoteError extends Error {
  constructor(
    readonly code: string | undefined,
    readonly isHeapError: boolean,
    message: string,
  ) {
    super(message);
    this.name = 'RemoteError';
  }
}

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly code?: string; readonly isHeapError: boolean; readonly message: string };
}

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

const ANSWER_WITHIN_MS = 30_000;

export type Script = 'agent' | 'channel' | 'churn' | 'lists' | 'maps' | 'structs' | 'stumble' | 'sync' | 'trader';

/** A real thread that runs one of the scripts in test/workers and answers requests. */
export class TestWorker {
  readonly worker: Worker;
  /** Resolves with the exit code when the thread is gone. */
  readonly gone: Promise<number>;
  /** What the thread died of, if it threw. */
  failure: Error | undefined;
  readonly #pending = new Map<number, Pending>();
  #next = 1;
  /** Why it answers no more. */
  #why: string | undefined;

  constructor(script: Script, data: unknown) {
    const url = new URL(`../workers/${script}.mjs`, import.meta.url);
    this.worker = new Worker(url, { workerData: data, execArgv: [], env: {} });
    this.worker.on('message', (reply: Reply) => this.#settle(reply));
    this.worker.on('error', (error: Error) => (this.failure = error));
    this.gone = new Promise((resolve) => this.worker.once('exit', resolve));
    this.worker.once('exit', (code) => {
      const why = this.failure?.message ?? `exit code ${code}`;
      this.#why = `the worker is gone: ${why}`;
      for (const { reject } of this.#pending.values()) reject(new Error(this.#why));
      this.#pending.clear();
    });
  }

  /** Sends a request to the script and waits for its answer; errors over there are thrown here. */
  call<T = unknown>(op: string, ...args: readonly unknown[]): Promise<T> {
    if (this.#why !== undefined) return Promise.reject(new Error(this.#why));
    const id = this.#next++;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no answer to ${op} within ${ANSWER_WITHIN_MS} ms`));
      }, ANSWER_WITHIN_MS);
      this.#pending.set(id, {
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.worker.postMessage({ id, op, args });
    });
  }

  /** Calls a method of the heap over there. */
  heap<T = unknown>(method: string, ...args: readonly unknown[]): Promise<T> {
    return this.call<T>('heap', method, ...args);
  }

  /** Kills the thread wherever it is, and waits until it is gone and its exit has been told to everyone. */
  async kill(): Promise<void> {
    await this.worker.terminate();
    await afterExit();
  }

  #settle({ id, result, error }: Reply): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) pending?.resolve(result as never);
    else pending?.reject(new RemoteError(error.code, error.isHeapError, error.message));
  }
}

/** Lets every listener of an exit event that has just been sent run. */
export const afterExit = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** Waits until a condition over shared memory holds, but no longer than so many milliseconds. Says whether it holds. */
export async function comesTrue(condition: () => boolean, withinMs: number): Promise<boolean> {
  const end = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > end) return false;
    await pause(1);
  }
  return true;
}

export async function until(condition: () => boolean, what: string, withinMs = 30_000): Promise<void> {
  if (!(await comesTrue(condition, withinMs))) throw new Error(`waited ${withinMs} ms for: ${what}`);
}

export interface WorkersOfTest {
  start(script: Script, data?: unknown): TestWorker;
  /** An agent that has attached to the heap. */
  agent(heap: Heap): Promise<TestWorker>;
  agents(heap: Heap, count: number): Promise<TestWorker[]>;
}

/** Starts workers that are ended after each test, whatever happened in it. */
export function workersOfTest(): WorkersOfTest {
  const started: TestWorker[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((worker) => worker.worker.terminate()));
  });
  const start = (script: Script, data?: unknown): TestWorker => {
    const worker = new TestWorker(script, data);
    started.push(worker);
    return worker;
  };
  const agent = async (heap: Heap): Promise<TestWorker> => {
    const worker = start('agent');
    await worker.call('attach', heap.token);
    return worker;
  };
  return {
    start,
    agent,
    agents: (heap, count) => Promise.all(Array.from({ length: count }, () => agent(heap))),
  };
}

/** Lets a worker into all slots but the caller's, and out again: what a slot still kept for its last holder is given up. */
export async function useEverySlot(
  workers: Pick<WorkersOfTest, 'start'>,
  heap: Heap,
  maxWorkers: number,
): Promise<void> {
  const reservations = Array.from({ length: maxWorkers - 1 }, () => heap.reserve());
  const visitor = workers.start('agent');
  for (const { token } of reservations) await visitor.call('tryAttach', token);
  await visitor.worker.terminate();
}

/** Runs what must fail in a worker with this code. */
export async function refusedThere(codes: string | readonly string[], answer: Promise<unknown>): Promise<RemoteError> {
  let result: unknown;
  try {
    result = await answer;
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    if (error.isHeapError && [codes].flat().includes(error.code ?? '')) return error;
    const got = `${error.code ?? ''}: ${error.message}`;
    throw new Error(`expected ${[codes].flat().join(' or ')} in the worker, got ${got}`, { cause: error });
  }
  throw new Error(`expected ${[codes].flat().join(' or ')} in the worker, but it returned ${String(result)}`);
}
