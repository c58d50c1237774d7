import * as atomics from '#atomics';
import { type Heap, HeapError } from '../index.js';
import type { Target } from './field.js';
import { HEADER_BYTES, type Headers, Kind } from './header.js';
import type { Definition, Owned } from './layout.js';
import type { Views } from '../records/index.js';

/** What freeing needs of a definition in a heap, whatever its fields are. */
export interface Owner {
  readonly heap: Heap;
  readonly definition: Definition;
  readonly headers: Headers;
  readonly views: Views;
  readonly owned: readonly Owned[];
  /** Bytes from one element of an array to the next. */
  readonly strideBytes: number;
}

/**
 * Frees a block and everything it owns, in a circle too. First all of it is taken, then all of it is freed: while any of it
 * is being looked at, none of it can become another worker's. Throws ERR_HEAP_DOUBLE_FREE if the block is taken already. An
 * owned struct of a definition that this worker doesn't have, or not alike, stays as it is, and is told of when the rest is free.
 */
export function free(root: Owner, block: number, kind: Kind): void {
  root.headers.check(block, kind);
  if (!root.headers.claim(block))
    throw new HeapError('ERR_HEAP_DOUBLE_FREE', `the ${root.definition.name} at ${block} was freed by another worker`, {
      address: block,
    });
  if (root.owned.length === 0) {
    root.heap.free(block);
    return;
  }
  const taken: { owner: Owner; block: number }[] = [{ owner: root, block }];
  let problem: unknown;
  for (const each of taken) {
    for (const { address, target } of ownedBy(each.owner, each.block)) {
      try {
        const owner = target().in(root.heap) as unknown as Owner;
        if (owner.headers.claim(address)) taken.push({ owner, block: address });
      } catch (error) {
        problem ??= error;
      }
    }
  }
  for (const each of taken) root.heap.free(each.block);
  if (problem !== undefined) throw problem as Error;
}

function* ownedBy(
  { owned, views, definition, strideBytes }: Owner,
  block: number,
): Generator<{ address: number; target: () => Target }> {
  const second = views.i32[(block >>> 2) + 1];
  const isColumns = (second & Kind.MASK) === Kind.COLUMNS;
  const count = second >>> Kind.BITS;
  const start = block + HEADER_BYTES;
  views.cover(start + count * strideBytes);
  for (const { offset, unit, target } of owned) {
    const { prefixBytes, strideBytes: step, offset: from } = definition.layout.units[unit];
    const first = isColumns ? start + roomFor(count) * prefixBytes + (offset - from) : start + offset;
    for (let i = 0; i < count; i++) {
      const at = first + i * (isColumns ? step : strideBytes);
      const address = atomics.load(views.i32, at >>> 2) >>> 0;
      if (address !== 0) yield { address, target };
    }
  }
}

/** Values that a column has room for: so many that the next one begins on a multiple of 8 bytes. */
export function roomFor(count: number): number {
  return Math.ceil(count / 8) * 8;
}
