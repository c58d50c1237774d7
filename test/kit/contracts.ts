import { type Heap } from 'sabmalloc';
import { ensure } from './errors.js';
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

/** Usable bytes of a request: enough, and no more waste than promised. */
export function fits(bytes: number, usable: number): void {
  ensure(usable >= bytes, () => `${bytes} bytes asked, ${usable} usable`);
  if (bytes <= 128) {
    const most = Math.max(16, Math.ceil(bytes / 16) * 16);
    ensure(usable <= most, () => `${bytes} bytes take ${usable}: steps up to 128 bytes are 16`);
  } else if (bytes <= 32768) {
    ensure((usable - bytes) / usable <= 0.125, () => `${bytes} bytes take ${usable}: more than 12.5 % wasted`);
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
export function walk(heap: Heap): Map<number, { readonly address: number; readonly size: number }> {
  const found = new Map<number, { readonly address: number; readonly size: number }>();
  for (const { address, size } of heap.blocks()) {
    ensure(!found.has(address), () => `the walk meets block ${address} twice`);
    found.set(address, { address, size });
  }
  return found;
}

export function sameBlocks(heap: Heap, addresses: Iterable<number>): void {
  const found = walk(heap);
  const expected = new Set(addresses);
  const missing = [...expected].filter((address) => !found.has(address));
  const extra = [...found.keys()].filter((address) => !expected.has(address));
  ensure(missing.length === 0 && extra.length === 0, () => {
    return `live blocks differ: ${missing.length} lost (${missing.slice(0, 8).join()}), ${extra.length} too many (${extra.slice(0, 8).join()})`;
  });
  const { liveBlocks } = heap.stats();
  ensure(liveBlocks === expected.size, () => `stats say ${liveBlocks} live blocks, there are ${expected.size}`);
}

/** Nothing lost, nothing held twice: the heap's own walk equals the model exactly. */
export function conserved(heap: Heap, model: Model): void {
  heap.check();
  const blocks = model.blocks();
  sameBlocks(
    heap,
    blocks.map((block) => block.address),
  );
  const found = walk(heap);
  for (const { address, bytes } of blocks) {
    const { size } = found.get(address)!;
    ensure(size >= bytes, () => `the walk says block ${address} has ${size} bytes, ${bytes} were asked for`);
  }
  noOverlap([...found.values()].map(({ address, size }) => ({ address, bytes: size })));
}

/** Nothing live, and nothing wrong. */
export function empty(heap: Heap): void {
  heap.check();
  sameBlocks(heap, []);
  const { liveBytes } = heap.stats();
  ensure(liveBytes === 0, () => `stats say ${liveBytes} live bytes in an empty heap`);
}
