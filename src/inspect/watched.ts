import { bytesText } from '../config/index.js';
import { Heap, type HeapToken } from '../index.js';
import { type LiveAnswer, type PageData, type Sample, sampleOf } from './page-data.js';

/** Heaps of which more is committed are pictured without their single blocks: an answer must stay small. */
const COARSE_FROM_BYTES = 256 * 1024 * 1024;
const SAMPLES_MOST = 600;
/** Most heaps whose last pictures are kept. */
const LEFT_MOST = 16;

interface Shown {
  readonly data: PageData;
  readonly isCoarse: boolean;
}

/** A heap that the server looks into, as one more worker of it. */
class WatchedHeap {
  readonly heapId: string;
  readonly label: string;
  /** Undefined when it was left: nothing of it may keep its memory alive. */
  private heap: Heap | undefined;
  private samples: Sample[] = [];
  private readonly started = Date.now();
  private last: Shown | undefined;

  constructor(token: HeapToken) {
    this.heap = Heap.attach(token);
    this.heapId = token.heapId;
    this.label = `${token.heapId.slice(0, 8)}, up to ${bytesText(this.heap.stats().maxBytes)}`;
    this.sample();
  }

  get isLeft(): boolean {
    return this.heap === undefined;
  }

  /** Notes how much is in use, and leaves with a last picture when every other worker has left. */
  sample(): void {
    if (this.heap === undefined) return;
    const { workerId } = this.heap;
    const stats = this.heap.stats();
    this.samples.push(sampleOf((Date.now() - this.started) / 1000, stats));
    if (this.samples.length > SAMPLES_MOST) this.samples = this.samples.filter((_, place) => place % 2 === 0);
    if (stats.workers.every((worker) => worker.workerId === workerId)) this.leave();
  }

  /** The heap as it is now, or was when it was left. */
  picture(): Shown | undefined {
    return this.heap === undefined ? this.last : this.take(this.heap);
  }

  private take(heap: Heap): Shown {
    const isCoarse = heap.stats().committedBytes > COARSE_FROM_BYTES;
    const snapshot = heap.snapshot({ blocks: !isCoarse });
    const timeline = { unit: 'seconds', samples: this.samples } as const;
    return { data: { title: `Heap ${this.label}`, pictures: [{ label: 'now', snapshot }], timeline }, isCoarse };
  }

  leave(): void {
    if (this.heap === undefined) return;
    try {
      this.last = this.take(this.heap);
    } finally {
      this.heap.detach();
      this.heap = undefined;
    }
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
    const left = [...this.heaps.values()].filter(({ isLeft }) => isLeft);
    for (const { heapId } of left.slice(0, -LEFT_MOST)) this.heaps.delete(heapId);
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
