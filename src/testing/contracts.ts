import { type BlockInfo, type Heap, type HeapStats } from '../index.js';
import { ensure } from './ensure.js';
import { type Model } from './model.js';

/**
 * What holds for every block of every size, kind and preset. Each contract is a function that throws, so that any test
 * can call it after any step.
 */

export interface Extent {
  readonly address: number;
  readonly bytes: number;
}

export function aligned(address: number, bytes: number, alignment = bytes <= 8 ? 8 : 16): void {
  ensure(Number.isInteger(address) && address > 0, () => `${address} for ${bytes} bytes is no address`);
  ensure(address % alignment === 0, () => `${address} for ${bytes} bytes is not aligned to ${alignment}`);
}

/** What a block may carry at its end without saying so: a light header. */
const CARRIED_BYTES = 8;

/** Usable bytes of a request: enough, and no more waste than promised. */
export function fits(bytes: number, usable: number): void {
  ensure(usable >= bytes, () => `${bytes} bytes asked, ${usable} usable`);
  if (bytes <= 128) {
    const most = Math.max(16, bytes + 15);
    ensure(usable <= most, () => `${bytes} bytes take ${usable}: steps up to 128 bytes are 16`);
  } else if (bytes <= 32768) {
    ensure(
      (usable - bytes) / (usable + CARRIED_BYTES) <= 0.125,
      () => `${bytes} bytes take ${usable}: more than 12.5 % wasted`,
    );
  }
}

export function noOverlap(extents: Iterable<Extent>): void {
  const sorted = [...extents].sort((a, b) => a.address - b.address);
  for (let i = 1; i < sorted.length; i++) {
    const before = sorted[i - 1];
    const next = sorted[i];
    ensure(before.address < next.address && before.address + before.bytes <= next.address, () => {
      return `blocks overlap: ${JSON.stringify(before)} and ${JSON.stringify(next)}`;
    });
  }
}

/** Live blocks of a walk by address; a block met twice is an error. */
export function walk(heap: Heap): Map<number, BlockInfo> {
  const found = new Map<number, BlockInfo>();
  for (const block of heap.blocks()) {
    ensure(!found.has(block.address), () => `the walk meets block ${block.address} twice`);
    found.set(block.address, block);
  }
  return found;
}

/** A heap at rest, as its own walk and its own statistics show it. */
export interface Observation {
  readonly blocks: ReadonlyMap<number, BlockInfo>;
  readonly stats: HeapStats;
}

/** Checks a heap at rest against itself: its invariants, and its walk against its statistics. */
export function observe(heap: Heap): Observation {
  heap.check();
  const blocks = walk(heap);
  const stats = heap.stats();
  ensure(stats.liveBlocks === blocks.size, () => `stats say ${stats.liveBlocks} live blocks, there are ${blocks.size}`);
  noOverlap([...blocks.values()].map(({ address, size }) => ({ address, bytes: size })));
  return { blocks, stats };
}

export function sameBlocks(heap: Heap, addresses: Iterable<number>): Observation {
  const observation = observe(heap);
  const { blocks } = observation;
  const expected = new Set(addresses);
  const missing = [...expected].filter((address) => !blocks.has(address));
  const extra = [...blocks.keys()].filter((address) => !expected.has(address));
  ensure(missing.length === 0 && extra.length === 0, () => {
    return `live blocks differ: ${missing.length} lost (${missing.slice(0, 8).join()}), ${extra.length} too many (${extra.slice(0, 8).join()})`;
  });
  return observation;
}

/** Nothing lost, nothing held twice: the heap's own walk equals the models exactly, each block in one of them. */
export function conserved(heap: Heap, ...models: readonly Model[]): Observation {
  const expected = models.flatMap((model) => model.blocks());
  const observation = sameBlocks(
    heap,
    expected.map(({ address }) => address),
  );
  for (const { address, bytes } of expected) {
    const { size } = observation.blocks.get(address)!;
    ensure(size >= bytes, () => `the walk says block ${address} has ${size} bytes, ${bytes} were asked for`);
  }
  return observation;
}

/** Nothing live, and nothing wrong. */
export function empty(heap: Heap): Observation {
  const observation = sameBlocks(heap, []);
  const { liveBytes } = observation.stats;
  ensure(liveBytes === 0, () => `stats say ${liveBytes} live bytes in an empty heap`);
  return observation;
}
