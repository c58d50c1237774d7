import { Phase } from '../kit/ledger.js';
import { type Storm } from './storm.js';

/** A survivor that does nothing for so long hangs. */
const STALLED_AFTER_MS = 30_000;
const LOOK_EVERY_MS = 500;

/** Looks after the survivors of a storm: none may fail, and none may stand still. */
export class Watch {
  /** Rejects with what went wrong; pending while all is well. */
  readonly failed: Promise<never>;
  readonly #timer: NodeJS.Timeout;
  readonly #moved = new Map<number, { steps: number; at: number }>();

  constructor(
    storm: Pick<Storm, 'survivors'>,
    readonly stalledAfterMs = STALLED_AFTER_MS,
  ) {
    let reject: (error: Error) => void;
    this.failed = new Promise((_, rejected) => (reject = rejected));
    this.failed.catch(() => {});
    this.#timer = setInterval(
      () => {
        const failure = this.#look(storm);
        if (failure !== undefined) reject(failure);
      },
      Math.min(LOOK_EVERY_MS, stalledAfterMs),
    );
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look({ survivors }: Pick<Storm, 'survivors'>): Error | undefined {
    for (const { page, worker } of survivors) {
      if (worker.failure !== undefined)
        return new Error(`survivor ${page.number} failed: ${worker.failure.stack ?? ''}`);
      const { steps, phase, number } = page;
      const before = this.#moved.get(number);
      if (before === undefined || before.steps !== steps) this.#moved.set(number, { steps, at: performance.now() });
      else if (phase !== Phase.stopped && performance.now() - before.at > this.stalledAfterMs)
        return new Error(`survivor ${number} has stood still for ${this.stalledAfterMs / 1000} s after ${steps} steps`);
    }
    return undefined;
  }
}
