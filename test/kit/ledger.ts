import { type Heap } from 'sabmalloc';
import { damage } from '../workers/common.mjs';
import { Market, MARKET_BYTES, Page, pageWords, Phase } from '../workers/ledger.mjs';
import { walk } from './contracts.js';
import { ensure } from './errors.js';

export { type Page, Phase };

/** What every worker of a storm holds, written down outside the heap: pages of test/workers/ledger.mjs. */
export class Ledger {
  readonly pages: readonly Page[];
  readonly market: Market;
  readonly #words: Uint32Array<SharedArrayBuffer>;
  readonly #control = new SharedArrayBuffer(MARKET_BYTES);

  constructor(
    count: number,
    readonly entries: number,
  ) {
    const words = new Uint32Array(new SharedArrayBuffer(4 * count * pageWords(entries)));
    this.#words = words;
    this.pages = Array.from({ length: count }, (_, number) => new Page(words, number, entries));
    this.market = new Market(this.#control);
  }

  /** What a worker that writes on this page must be started with. */
  dataFor(page: number): object {
    return { ledger: this.#words.buffer, control: this.#control, entries: this.entries, page };
  }

  /** The name of what the worker of a page is doing, or did last. */
  phaseName(page: number): PhaseName {
    const { phase } = this.pages[page];
    return PHASES.find((name) => Phase[name] === phase)!;
  }
}

export type PhaseName = keyof typeof Phase;
export const PHASES = Object.keys(Phase) as PhaseName[];

/** What a comparison of heap and ledger found. */
export interface Audit {
  readonly live: readonly number[];
  /** Live blocks that nobody knows of: a worker was killed, or out of stack, between getting one and writing it down. */
  readonly lost: number;
  /** Most that may be lost: a block for every worker that died with one in its hands. */
  readonly inHand: number;
  /** The same for stack overflows. */
  readonly spilt: number;
}

/**
 * Compares heap and ledger when everyone is at rest. Every block that someone surely held is live and undamaged, no two
 * hold the same, and of the live ones at most those are unknown that were in the hands of somebody who died.
 */
export function audit(heap: Heap, ledger: Ledger): Audit {
  heap.check();
  const live = walk(heap);
  const { liveBlocks } = heap.stats();
  ensure(liveBlocks === live.size, () => `stats say ${liveBlocks} live blocks, the walk meets ${live.size}`);
  const known = new Set<number>();
  const sure = new Set<number>();
  const isSure = (address: number, bytes: number, where: string): void => {
    ensure(live.has(address), () => `block ${address} ${where} is not live any more`);
    ensure(live.get(address)!.size >= bytes, () => `block ${address} ${where} has shrunk`);
    ensure(!sure.has(address), () => `block ${address} ${where} is held twice`);
    sure.add(address);
  };
  for (const page of ledger.pages) {
    for (const address of [...page.batch, ...page.doubtful]) known.add(address);
    for (let entry = 0; entry < page.entries; entry++) {
      const address = page.address(entry);
      known.add(address);
      if (address === 0 || page.isMarked(entry)) continue;
      isSure(address, page.bytes(entry), `on page ${page.number}`);
      page.verify(heap, entry);
    }
  }
  for (const { address, bytes, tag } of ledger.market.offered()) {
    isSure(address, bytes, 'on its way to another worker');
    const at = damage(heap.u8, address, bytes, tag);
    ensure(at === -1, () => `block ${address}, on its way to another worker, is damaged at byte ${at}`);
    known.add(address);
  }
  const lost = [...live.keys()].filter((address) => !known.has(address));
  const sum = (of: (page: Page) => number): number => ledger.pages.reduce((total, page) => total + of(page), 0);
  const inHand = sum((page) => page.inHand);
  const spilt = sum((page) => page.spilt);
  ensure(lost.length <= inHand + spilt, () => {
    const most = `only ${inHand} died with one in their hands, and ${spilt} were in hands when the stack overflowed`;
    return `${lost.length} blocks are lost, but ${most}: ${lost.slice(0, 10).join()}`;
  });
  return { live: [...live.keys()], lost: lost.length, inHand, spilt };
}
