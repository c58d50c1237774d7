import { Kind } from '../layout/format.js';
import { CacheWord } from '../layout/offsets.generated.js';
import { isTypedArray, type TypedArray } from './arrays.js';
import type { Attachment } from './attachment.js';
import type { FastPath } from './fast.js';
import { classify, sliceOfAddress } from './lookup.js';

/**
 * Calls until the next that is counted: a geometric distribution, so that each call is counted with the same chance,
 * 1 / mean, whatever the others were. `random` is from 0 up to 1.
 */
export function distance(mean: number, random: number): number {
  return 1 + Math.floor(Math.log(1 - random) / Math.log(1 - 1 / mean));
}

/**
 * The fast path at profileLevel 1: one call in `sampleEvery` on average counts for all of them, so the totals of a class and
 * of a worker are estimates without bias. What leaves the fast path is counted there, one by one, but for frees.
 */
export function openSampledPath(heap: Attachment, fast: FastPath, random: () => number = Math.random): FastPath {
  const { region, owner } = heap;
  const { sampleEvery } = owner.settings;
  let untilHit = distance(sampleEvery, random());
  let untilFree = distance(sampleEvery, random());

  function take(bytes: number): number {
    const address = fast.take(bytes);
    if (address !== 0 && --untilHit === 0) countHit(address);
    return address;
  }

  function malloc(bytes: number, alignment?: number): number {
    return (alignment === undefined && take(bytes)) || heap.allocate('malloc', bytes, alignment);
  }

  function free(target: number | TypedArray | null | undefined): void {
    if (--untilFree === 0) countFree(isTypedArray(target) ? target.byteOffset : target);
    fast.free(target);
  }

  function countHit(address: number): void {
    untilHit = distance(sampleEvery, random());
    add(address, CacheWord.HITS);
  }

  /**
   * Before the free, which may take away what tells the class. What is no live block doesn't count, and who has left has no
   * place to count in.
   */
  function countFree(address: unknown): void {
    untilFree = distance(sampleEvery, random());
    if (!heap.isAttached()) return;
    const kind = classify(region, address);
    if (kind === 'block' || kind === 'span') add(address, CacheWord.FREES);
  }

  function add(address: unknown, field: CacheWord): void {
    const kind = region.i32[region.map + sliceOfAddress(region, address)] & Kind.MASK;
    region.i32[owner.cache(kind === Kind.SPAN ? 0 : kind) + field] += sampleEvery;
  }

  return { take, malloc, free, ownBlockBytes: fast.ownBlockBytes };
}
