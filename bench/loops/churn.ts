import { type Allocator } from '../allocator.js';
import { type Draw } from '../draw.js';
import { type Marks } from '../marker.js';
import { type Slots } from '../slots.js';

/** Frees a random slot's block and puts one of random size there, `pairs` times. */
export function churn<B>(heap: Allocator<B>, slots: Slots<B>, draw: Draw, marker: Marks<B>, pairs: number): void {
  const { addresses } = slots;
  const { sizeMin, sizeCount, sizeShift } = draw;
  const count = addresses.length;
  const marks = marker.active;
  let { x, sum } = draw;
  for (let i = 0; i < pairs; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    const slot = Math.imul(x & 0xffff, count) >>> 16;
    const size = sizeMin + ((Math.imul(x >>> 16, sizeCount) >>> 16) << sizeShift);
    if (marks) marker.leaving(slots, slot);
    heap.free(addresses[slot]);
    const address = heap.malloc(size);
    addresses[slot] = address;
    if (marks) marker.placed(slots, slot, address, size);
    sum = (sum + size) | 0;
  }
  draw.x = x;
  draw.sum = sum;
}

/** The most slots that the 16 random bits of `churn` can name. */
export const CHURN_SLOTS_MAX = 65536;

/** The same on more slots: a step of its own picks the slot, by 28 bits. */
export function churnMany<B>(heap: Allocator<B>, slots: Slots<B>, draw: Draw, marker: Marks<B>, pairs: number): void {
  const { addresses } = slots;
  const { sizeMin, sizeCount, sizeShift } = draw;
  const slotScale = addresses.length / 2 ** 28;
  const marks = marker.active;
  let { x, sum } = draw;
  for (let i = 0; i < pairs; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    const slot = Math.floor((x >>> 4) * slotScale);
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    const size = sizeMin + ((Math.imul(x >>> 16, sizeCount) >>> 16) << sizeShift);
    if (marks) marker.leaving(slots, slot);
    heap.free(addresses[slot]);
    const address = heap.malloc(size);
    addresses[slot] = address;
    if (marks) marker.placed(slots, slot, address, size);
    sum = (sum + size) | 0;
  }
  draw.x = x;
  draw.sum = sum;
}

/** The same in bursts: `burst` neighbouring slots are freed, then all of them filled. */
export function churnBursts<B>(
  heap: Allocator<B>,
  slots: Slots<B>,
  draw: Draw,
  marker: Marks<B>,
  pairs: number,
  burst: number,
): void {
  const { addresses } = slots;
  const { sizeMin, sizeCount, sizeShift } = draw;
  const firsts = addresses.length - burst + 1;
  const marks = marker.active;
  let { x, sum } = draw;
  for (let i = 0; i < pairs; i += burst) {
    const first = Math.imul(x & 0xffff, firsts) >>> 16;
    const end = first + burst;
    for (let slot = first; slot < end; slot++) {
      if (marks) marker.leaving(slots, slot);
      heap.free(addresses[slot]);
    }
    for (let slot = first; slot < end; slot++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      const size = sizeMin + ((Math.imul(x >>> 16, sizeCount) >>> 16) << sizeShift);
      const address = heap.malloc(size);
      addresses[slot] = address;
      if (marks) marker.placed(slots, slot, address, size);
      sum = (sum + size) | 0;
    }
  }
  draw.x = x;
  draw.sum = sum;
}

/** A block into every slot. */
export function fill<B>(heap: Allocator<B>, slots: Slots<B>, draw: Draw, marker: Marks<B>): void {
  const { addresses } = slots;
  for (let slot = 0; slot < addresses.length; slot++) {
    const size = draw.nextSize();
    addresses[slot] = heap.malloc(size);
    if (marker.active) marker.placed(slots, slot, addresses[slot], size);
  }
}

/** Frees every slot's block. */
export function drain<B>(heap: Allocator<B>, slots: Slots<B>, marker: Marks<B>): void {
  const { addresses } = slots;
  for (let slot = 0; slot < addresses.length; slot++) {
    if (marker.active) marker.leaving(slots, slot);
    heap.free(addresses[slot]);
  }
}
