import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { type Heap, HeapError } from '../index.js';
import { closeJournal, openJournal } from './journal.js';
import type { PoolWorkerData, TaskAnswer, TaskFailure, TaskMessage, TaskResult } from './messages.js';
import type { Task } from './task.js';

type PiscinaOptions = NonNullable<ConstructorParameters<typeof Piscina>[0]>;
type PiscinaRunOptions = NonNullable<Parameters<Piscina['run']>[1]>;

/** piscina's options. `workerData` is what tasks find in their context. */
export interface PoolOptions extends Omit<PiscinaOptions, 'filename' | 'name' | 'closeTimeout'> {
  /** The file that exports the tasks. */
  readonly filename: string | URL;
}

/** piscina's options of a task, such as `signal`. */
export interface RunOptions extends Pick<PiscinaRunOptions, 'signal' | 'transferList'> {
  /** Handles that the task opens: held for it from now on until it has ended, or its worker has. */
  readonly holds?: Iterable<number>;
}

type ArgsOf<T> = T extends Task<infer Args, never> ? Args : T extends Task<infer Args, infer _> ? Args : never;
type ResultOf<T> = T extends Task<never, infer Result> ? Awaited<Result> : never;

/** Names of the exports of a module that are tasks. */
type TaskName<Tasks> = { [Name in keyof Tasks]: Tasks[Name] extends Task<never, unknown> ? Name : never }[keyof Tasks] &
  string;

/**
 * Makes a pool of workers that have the heap. `Tasks` is the type of the module with the tasks:
 * `createPool<typeof import('./tasks.js')>(heap, { filename })`. The heap needs slots (maxWorkers) for all its threads. For the
 * thread that made it, as the heap is; destroy it before that detaches.
 */
export function createPool<Tasks>(heap: Heap, options: PoolOptions): HeapPool<Tasks> {
  return new HeapPool(heap, options);
}

/** A pool of workers that have a heap. */
export class HeapPool<Tasks> {
  /** The pool itself, for its figures and events. A task that is run by it directly has no heap. */
  readonly piscina: Piscina<TaskMessage, TaskAnswer>;
  private readonly heap: Heap;
  /** Ends of the workers that have not ended yet. */
  private readonly exits = new Map<Worker, Promise<void>>();
  private readonly running = new Set<Promise<unknown>>();

  constructor(heap: Heap, { filename, workerData, ...options }: PoolOptions) {
    this.heap = heap;
    const watchLater = (): void => queueMicrotask(() => this.watchNew());
    // Read each time a worker is started, whoever has it started: so none is missed, not even one that dies before it is ready.
    const data: PoolWorkerData = {
      get token() {
        watchLater();
        return heap.token;
      },
      workerData: workerData as unknown,
    };
    this.piscina = new Piscina({ ...options, filename: String(filename), workerData: data });
  }

  /**
   * Runs a task by the name of its export. Rejects with what it threw; if it was aborted or its worker died, once that worker has
   * ended and what the task had in its scope is freed.
   */
  run<Name extends TaskName<Tasks>>(
    name: Name,
    args: ArgsOf<Tasks[Name]>,
    options: RunOptions = {},
  ): Promise<ResultOf<Tasks[Name]>> {
    const running = this.runHeld(name, args, options);
    this.running.add(running);
    const forget = (): void => void this.running.delete(running);
    running.then(forget, forget);
    return running as Promise<ResultOf<Tasks[Name]>>;
  }

  private async runHeld(name: string, args: unknown, { holds = [], ...options }: RunOptions): Promise<unknown> {
    const held: number[] = [];
    let journal = 0;
    let isLost = true;
    try {
      for (const handle of holds) {
        this.heap.retain(handle);
        held.push(handle);
      }
      journal = openJournal(this.heap);
      const answer = this.piscina.run({ args, journal }, { ...options, name });
      this.watchNew();
      const result = resultOf(name, await answer);
      isLost = false;
      return result;
    } catch (error) {
      await this.lostWorkersEnd();
      throw error;
    } finally {
      if (journal !== 0) closeJournal(this.heap, journal, isLost);
      for (const handle of held) this.heap.release(handle);
    }
  }

  /** Waits until the workers that the pool has given up have ended: until then one may still write to what its task was lent. */
  private async lostWorkersEnd(): Promise<void> {
    const kept = new Set(this.piscina.threads);
    await Promise.all([...this.exits].filter(([worker]) => !kept.has(worker)).map(([, exit]) => exit));
  }

  private watchNew(): void {
    for (const worker of this.piscina.threads) {
      if (this.exits.has(worker)) continue;
      this.heap.watch(worker);
      const ended = new Promise<void>((resolve) => worker.once('exit', resolve));
      this.exits.set(
        worker,
        ended.then(() => void this.exits.delete(worker)),
      );
    }
  }

  /** Ends the workers when all tasks that were sent have ended, those that wait their turn too. */
  async close(): Promise<void> {
    while (this.running.size > 0) await Promise.allSettled(this.running);
    await this.destroy();
  }

  /** Ends the workers now: tasks that have not ended are rejected, and what they had is freed. */
  async destroy(): Promise<void> {
    this.watchNew();
    await this.piscina.destroy();
    await Promise.all(this.exits.values());
    await Promise.allSettled(this.running);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }
}

function resultOf(name: string, answer: unknown): unknown {
  const { result, failure } = Object(answer) as Partial<TaskResult & TaskFailure>;
  if (failure !== undefined) throw new HeapError(failure.code, failure.message, { ...failure.details });
  if (!Object.hasOwn(Object(answer) as object, 'result'))
    throw new HeapError('ERR_HEAP_CONFIG', `run: ${name} is no task; wrap the function in task()`, { name });
  return result;
}
