import { workerData } from 'node:worker_threads';
import { Heap, HeapError, Scope, type Shareable, type TypedArray } from '../index.js';
import { JournaledHeap } from './journal.js';
import type { PoolWorkerData, TaskAnswer, TaskMessage } from './messages.js';

/** What a task has besides its arguments. */
export interface TaskContext {
  /** The heap, as this worker is attached to it. What a task allocates from it stays, whatever becomes of the task. */
  readonly heap: Heap;
  /** For blocks of the task's own: freed when it ends, however it ends, also by its worker's death. */
  readonly scope: Scope;
  /** `heap.open`: what a handle among the arguments names. Whoever ran the task holds it meanwhile. */
  readonly open: <Value extends object = TypedArray>(handle: number) => Value;
  /**
   * A handle for something that the task allocated, to be returned: whoever ran the task has it to release. If the task
   * fails, or its worker dies before the answer is there, it is released.
   */
  readonly give: (value: TypedArray | Shareable) => number;
  /** The `workerData` that the pool was made with. */
  readonly workerData: unknown;
}

/** A function for the workers of a pool, made by `task`. */
export interface Task<Args, Result> {
  (message: TaskMessage): Promise<TaskAnswer>;
  /** Never there: for the types of `run`. */
  readonly of?: (args: Args) => Result;
}

/** How long a worker waits for a slot: those of workers that ended come back when the pool's thread is told of it. */
const SLOT_WAIT_MS = 2000;
const SLOT_TRY_MS = 20;

let heapOfThread: Promise<Heap> | undefined;

async function attach({ token }: PoolWorkerData): Promise<Heap> {
  for (let waitedMs = 0; ; waitedMs += SLOT_TRY_MS) {
    try {
      return Heap.attach(token);
    } catch (error) {
      const isFull = error instanceof HeapError && error.code === 'ERR_HEAP_WORKERS';
      if (!isFull || waitedMs >= SLOT_WAIT_MS) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, SLOT_TRY_MS));
  }
}

/** Attaches this thread, once; after a failure the next call tries again. */
function attached(): Promise<Heap> {
  heapOfThread ??= attach(workerData as PoolWorkerData).catch((error: unknown) => {
    heapOfThread = undefined;
    throw error;
  });
  return heapOfThread;
}

/**
 * Makes a function that a pool's workers run, for them to export. `run` gets `args` as it was sent, a structured clone, and what
 * it returns is sent back. The worker attaches to the heap when its file is loaded.
 */
export function task<Args = undefined, Result = void>(
  run: (context: TaskContext, args: Args) => Result | PromiseLike<Result>,
): Task<Args, Result> {
  // While nobody has filled the heap. A failure is told to the first task.
  attached().catch(() => undefined);
  return async ({ args, journal }) => {
    try {
      return { result: await runIn(await attached(), journal, (context) => run(context, args as Args)) };
    } catch (error) {
      if (!(error instanceof HeapError)) throw error;
      const { code, message, ...details } = error;
      return { failure: { code, message, details } };
    }
  };
}

async function runIn<Result>(
  heap: Heap,
  journal: number,
  run: (context: TaskContext) => Result,
): Promise<Awaited<Result>> {
  const journaled = new JournaledHeap(heap, journal);
  const scope = new Scope(journaled);
  const context: TaskContext = {
    heap,
    scope,
    open: (handle) => heap.open(handle),
    give: (value) => journaled.give(value),
    workerData: (workerData as PoolWorkerData).workerData,
  };
  try {
    const result = await run(context);
    scope[Symbol.dispose]();
    return result;
  } catch (error) {
    // What it has not freed then, the pool does by the journal; its error is the one to tell.
    dispose(scope);
    throw error;
  } finally {
    journaled.end();
  }
}

function dispose(scope: Scope): void {
  try {
    scope[Symbol.dispose]();
  } catch {
    // A block was freed behind the scope's back.
  }
}
