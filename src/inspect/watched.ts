import { bytesText } from '../config/index.js';
import { Heap, type HeapToken } from '../index.js';
import { type LiveAnswer, type PageData, type Sample, sampleOf } from './page-data.js';

/** Heaps of which more is committed are pictured without their single blocks: an answer must stay small. */
const COARSE_FROM_BYTES = 256 * 1024 * 1024;
const SAMPLES_MOST = 600;

/** A heap that the server looks into, as one more worker of it. */
class WatchedHeap {
  readonly heapId: string;
  readonly label: string;
  private readonly heap: Heap;
  private samples: Sample[] = [];
  private readonly started = Date.now();
  private last: { readonly data: PageData; readonly isCoarse: boolean } | undefined;

  constructor(token: HeapToken) {
    this.heap = Heap.attach(token);
    this.heapId = token.heapId;
    this.label = `${token.heapId.slice(0, 8)}, up to ${bytesText(this.heap.stats().maxBytes)}`;
    this.sample();
  }

  /** Notes how much is in use. When every other worker has left, leaves too, with a last picture: it must keep no memory alive. */
  sample(): void {
    if (this.last !== undefined) return;
    const stats = this.heap.stats();
    this.samples.push(sampleOf((Date.now() - this.started) / 1000, stats));
    if (this.samples.length > SAMPLES_MOST) this.samples = this.samples.filter((_, place) => place % 2 === 0);
    if (stats.workers.every(({ workerId }) => workerId === this.heap.workerId)) this.leave();
  }

  picture(): { readonly data: PageData; readonly isCoarse: boolean } {
    if (this.last !== undefined) return this.last;
    const isCoarse = this.heap.stats().committedBytes > COARSE_FROM_BYTES;
    const snapshot = this.heap.snapshot({ blocks: !isCoarse });
    const timeline = { unit: 'seconds', samples: this.samples } as const;
    return { data: { title: `Heap ${this.label}`, pictures: [{ label: 'now', snapshot }], timeline }, isCoarse };
  }

  leave(): void {
    this.last ??= this.picture();
    this.heap.detach();
  }
}

/** All heaps that the server looks into. */
export class WatchedHeaps {
  private readonly heaps = new Map<string, WatchedHeap>();

  /** Throws what `Heap.attach` throws. */
  add(token: HeapToken): void {
    if (!this.heaps.has(token.heapId)) this.heaps.set(token.heapId, new WatchedHeap(token));
  }

  sample(): void {
    for (const heap of this.heaps.values()) heap.sample();
  }

  answer(heapId: string | null): LiveAnswer {
    const heaps = [...this.heaps.values()].map((heap) => ({ heapId: heap.heapId, label: heap.label }));
    const heap = this.heaps.get(heapId ?? '') ?? this.heaps.get(heaps.at(0)?.heapId ?? '');
    return heap === undefined ? { heaps } : { heaps, heapId: heap.heapId, ...heap.picture() };
  }

  leave(): void {
    for (const heap of this.heaps.values()) heap.leave();
  }
}
