import { type Heap } from 'sabmalloc';
import { damage } from '../workers/common.mjs';
import { walk } from './contracts.js';
import { ensure } from './errors.js';

/** How far a worker got, as it says itself in the first word of its page. */
export const Progress = { none: 0, attaching: 1, attached: 2, working: 3, stopped: 4 } as const;

interface Entry {
  readonly page: number;
  readonly address: number;
  readonly bytes: number;
  /** The worker was about to free it, resize it or give it away: it may or may not be live. */
  readonly isMarked: boolean;
}

/**
 * What every worker of a storm holds, written down outside the heap, so that the parent can tell what a killed worker
 * had. The format is that of test/workers/churn.mjs.
 */
export class Ledger {
  readonly words: Uint32Array;
  /** Word 0 stops the workers; behind it blocks on their way from one worker to another. */
  readonly control = new SharedArrayBuffer(4 + 4 * 16);
  readonly #pageWords: number;

  constructor(
    readonly pages: number,
    readonly entries: number,
  ) {
    this.#pageWords = 1 + 2 * entries;
    this.words = new Uint32Array(new SharedArrayBuffer(4 * pages * this.#pageWords));
  }

  progress(page: number): number {
    return Atomics.load(this.words, page * this.#pageWords);
  }

  stop(): void {
    Atomics.store(new Int32Array(this.control), 0, 1);
  }

  /** What a worker that writes on this page must be started with. */
  dataFor(page: number): object {
    return { ledger: this.words.buffer, page, entries: this.entries, control: this.control };
  }

  /** Frees what a dead worker surely held, as its heirs would. */
  inherit(heap: Heap, page: number): void {
    for (const { page: of, address, bytes, isMarked } of this.held()) {
      if (of !== page || isMarked) continue;
      isIntact(heap, { page, address, bytes });
      heap.free(address);
    }
    this.words.fill(0, page * this.#pageWords + 1, (page + 1) * this.#pageWords);
  }

  between(): number[] {
    return [...new Uint32Array(this.control, 4)].filter((address) => address !== 0);
  }

  held(): Entry[] {
    const found: Entry[] = [];
    for (let page = 0; page < this.pages; page++) {
      for (let i = 0; i < this.entries; i++) {
        const at = page * this.#pageWords + 1 + 2 * i;
        const word = this.words[at];
        if (word === 0) continue;
        found.push({ page, address: (word & ~1) >>> 0, bytes: this.words[at + 1], isMarked: (word & 1) === 1 });
      }
    }
    return found;
  }
}

function isIntact(heap: Heap, { page, address, bytes }: Pick<Entry, 'page' | 'address' | 'bytes'>): void {
  const at = damage(heap.u8, address, bytes, page & 0xff);
  ensure(at === -1, () => `block ${address} of ${bytes} bytes of page ${page} is damaged at byte ${at}`);
}

/**
 * Compares heap and ledger when everyone is at rest. Every block that someone surely held is live and undamaged; and
 * of the live ones, at most one for each kill is unknown to everybody.
 */
export function audit(heap: Heap, ledger: Ledger, kills: number): number[] {
  heap.check();
  const live = walk(heap);
  const held = ledger.held();
  for (const { page, address, bytes, isMarked } of held) {
    if (isMarked) continue;
    ensure(live.has(address), () => `block ${address} of page ${page} is not live any more`);
    ensure(live.get(address)!.size >= bytes, () => `block ${address} of page ${page} has shrunk`);
    isIntact(heap, { page, address, bytes });
  }
  const sure = held.filter(({ isMarked }) => !isMarked).map(({ address }) => address);
  ensure(new Set(sure).size === sure.length, () => 'two workers hold the same block');
  for (const address of ledger.between()) {
    ensure(live.has(address), () => `block ${address}, on its way to another worker, is not live`);
  }
  const known = new Set([...held.map(({ address }) => address), ...ledger.between()]);
  const lost = [...live.keys()].filter((address) => !known.has(address));
  ensure(lost.length <= kills, () => `${lost.length} blocks lost by ${kills} kills: ${lost.slice(0, 10).join()}`);
  return [...live.keys()];
}
