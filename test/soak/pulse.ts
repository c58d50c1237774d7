import { Worker } from 'node:worker_threads';

/** How long the main thread may be away, in a call that doesn't return for instance, before the process is ended. */
const AWAY_MS = 60_000;
const BEAT_MS = 1000;

/** Shows a thread of its own that this one is alive. When it isn't any more nothing else could say so. */
export class Pulse {
  readonly #beats = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;
  readonly #timer: NodeJS.Timeout;

  constructor(awayMs = AWAY_MS) {
    const workerData = { beats: this.#beats, awayMs };
    this.#worker = new Worker(new URL('../workers/pulse.mjs', import.meta.url), { workerData, execArgv: [], env: {} });
    this.#worker.unref();
    this.#timer = setInterval(() => Atomics.add(this.#beats, 0, 1), BEAT_MS);
    this.#timer.unref();
  }

  /** What this thread is about to do, for the last words. */
  tell(what: string): void {
    Atomics.add(this.#beats, 0, 1);
    this.#worker.postMessage(what);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#worker.terminate();
  }
}
