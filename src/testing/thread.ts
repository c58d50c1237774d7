import { Worker } from 'node:worker_threads';
import { type Heap, type HeapToken } from '../index.js';
import { type Ending, errorOf, type Reply, type Request, type Task } from './task.js';

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Watchable = Parameters<Heap['watch']>[0];

const ANSWER_WITHIN_MS = 30_000;

/** A real thread that runs the agent. It lives on from heap to heap, until it is told to end. */
export class Thread {
  private readonly worker = new Worker(new URL('./agent.js', import.meta.url), { execArgv: [], env: {} });
  private readonly ended: Promise<void>;
  private readonly pending = new Map<number, Pending>();
  private readonly watchers = new Set<() => void>();
  private nextId = 1;
  isRunning = true;

  constructor() {
    this.worker.on('message', (reply: Reply) => this.settle(reply));
    // It was told to throw, or something else went wrong: then a request stays unanswered, which 'exit' reports.
    let cause: unknown;
    this.worker.on('error', (error) => (cause = error));
    this.ended = new Promise((resolve) => {
      this.worker.once('exit', () => {
        this.isRunning = false;
        for (const { reject } of this.pending.values()) reject(new Error('the worker is gone', { cause }));
        this.pending.clear();
        for (const watcher of [...this.watchers]) watcher();
        this.watchers.clear();
        resolve();
      });
    });
  }

  /** What to give to `heap.watch`. */
  get watchable(): Watchable {
    return {
      threadId: this.worker.threadId,
      once: (_event, listener) => this.watchers.add(listener),
      off: (_event, listener) => this.watchers.delete(listener),
    };
  }

  attach(token: HeapToken): Promise<number> {
    return this.ask((id) => ({ id, attach: token })) as Promise<number>;
  }

  perform(task: Task): Promise<unknown> {
    return this.ask((id) => ({ id, task }));
  }

  /** Ends it without a word to the heap; done when its exit has been told to those who watch. */
  async end(ending: Ending): Promise<void> {
    if (ending === 'terminated') await this.worker.terminate();
    else await this.ask((id) => ({ id, end: ending }));
    await this.ended;
  }

  private ask(request: (id: number) => Request): Promise<unknown> {
    if (!this.isRunning) return Promise.reject(new Error('the worker is gone'));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no answer within ${ANSWER_WITHIN_MS / 1000} s: the worker hangs in a call`));
      }, ANSWER_WITHIN_MS);
      const settled = (): void => {
        clearTimeout(timer);
        this.pending.delete(id);
      };
      this.pending.set(id, {
        resolve: (result) => {
          settled();
          resolve(result);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      this.worker.postMessage(request(id));
    });
  }

  private settle({ id, result, failure }: Reply): void {
    const pending = this.pending.get(id);
    if (failure === undefined) pending?.resolve(result);
    else pending?.reject(errorOf(failure));
  }
}

/** Threads at rest between two heaps. */
export class ThreadPool {
  private readonly idle: Thread[] = [];

  take(): Thread {
    return this.idle.pop() ?? new Thread();
  }

  /** Takes a thread back that has left its heap. */
  give(thread: Thread): void {
    if (thread.isRunning) this.idle.push(thread);
  }

  async close(): Promise<void> {
    await Promise.all(this.idle.splice(0).map((thread) => thread.end('terminated')));
  }
}
