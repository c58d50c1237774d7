import { Worker } from 'node:worker_threads';
import { type Image } from './image.js';

/** One act of tampering with a copy of the image. */
export interface Trial {
  /** For the message of a failure. */
  readonly what: string;
  readonly memory: 'fixed' | 'growable' | 'wasm';
  /** Length of the copy: that of the image, or shorter, or longer. */
  readonly bytes: number;
  /** Fields of the token that differ from the right ones. */
  readonly token: Readonly<Record<string, unknown>>;
  /** Words of the copy that are overwritten. */
  readonly words: readonly (readonly [index: number, value: number])[];
  /** Overwritten before a worker attaches, or after it has attached and allocated. */
  readonly when: 'before' | 'after';
  /** Only a few calls are made: for words that nobody reads. */
  readonly brief?: boolean;
  /**
   * What no check can find out. `loss`: live bits were overwritten, and they are the only truth about a block. `trespass`: what
   * the fast path believes was overwritten, so it may write beside the region.
   */
  readonly excuse?: 'loss' | 'trespass';
}

export interface Outcome {
  readonly what: string;
  /** The code of the error that attach threw, ERR_HEAP_CORRUPT if a later call did, or `works`. */
  readonly end: string;
  readonly findings: readonly string[];
}

const OUTCOME_WITHIN_MS = 20_000;
const ENDLESS_MOST = 2;

/**
 * Runs trials in a worker of their own. One that never ends, or takes the worker down, is a finding like any other: the
 * worker is ended, and the rest go on in a new one.
 */
export async function runTrials(image: Image, trials: readonly Trial[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let failures = 0; outcomes.length < trials.length && failures < ENDLESS_MOST;) {
    const rest = trials.slice(outcomes.length);
    const { answers, failure } = await runUntilFailure(image, rest);
    outcomes.push(...answers.map((answer, i) => ({ ...answer, what: rest[i].what })));
    if (failure === undefined) continue;
    outcomes.push({ what: rest[answers.length].what, end: 'none', findings: [failure] });
    failures++;
  }
  return outcomes;
}

type Answer = Omit<Outcome, 'what'>;

function runUntilFailure(image: Image, trials: readonly Trial[]): Promise<{ answers: Answer[]; failure?: string }> {
  const worker = new Worker(new URL('hostile.mjs', import.meta.url), {
    workerData: { image, trials },
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  });
  const answers: Answer[] = [];
  return new Promise((resolve) => {
    const end = (failure?: string): void => {
      clearTimeout(timer);
      void worker.terminate().then(() => resolve(failure === undefined ? { answers } : { answers, failure }));
    };
    const endless = (): void => end(`it did not end within ${OUTCOME_WITHIN_MS} ms`);
    let timer = setTimeout(endless, OUTCOME_WITHIN_MS);
    worker.on('message', (answer: Answer) => {
      answers.push(answer);
      clearTimeout(timer);
      timer = setTimeout(endless, OUTCOME_WITHIN_MS);
      if (answers.length === trials.length) end();
    });
    worker.once('error', (error) => end(`it took the worker down: ${String(error)}`));
  });
}
