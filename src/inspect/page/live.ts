import { type LiveAnswer } from '../page-data.js';
import { parse } from '../snapshot-text.js';

/** At least so long between the end of one question and the next, and three times as long as the answer took. */
const EVERY_MS = 1000;
const SHARE = 3;

export type LiveState = 'live' | 'paused' | 'failed' | 'ended';

/** Asks the server again and again how the heap is. */
export class LiveFeed {
  heapId: string | undefined;
  isPaused = false;

  constructor(
    private readonly onAnswer: (answer: LiveAnswer) => void,
    private readonly onState: (state: LiveState, why?: string) => void,
  ) {}

  async run(): Promise<void> {
    for (;;) {
      const start = performance.now();
      if (!this.isPaused && !document.hidden) await this.ask();
      const took = performance.now() - start;
      await new Promise((resolve) => setTimeout(resolve, Math.max(EVERY_MS, SHARE * took)));
    }
  }

  async ask(): Promise<void> {
    try {
      const heap = this.heapId === undefined ? '' : `?heap=${this.heapId}`;
      const response = await fetch(`snapshot${heap}`);
      if (!response.ok) {
        this.onState('failed', await response.text());
        return;
      }
      this.onAnswer(parse(await response.text()) as LiveAnswer);
      this.onState(this.isPaused ? 'paused' : 'live');
    } catch {
      this.onState('ended');
    }
  }
}
