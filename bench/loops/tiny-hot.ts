import { type Allocator } from '../allocator.js';
import { type Marks } from '../marker.js';
import { type Slots } from '../slots.js';

/** Fills all slots with blocks of one size and frees them, the last one first, `laps` times. */
export function tinyHotLifo<B>(
  heap: Allocator<B>,
  slots: Slots<B>,
  marker: Marks<B>,
  size: number,
  laps: number,
): void {
  const { addresses } = slots;
  const count = addresses.length;
  const marks = marker.active;
  for (let lap = 0; lap < laps; lap++) {
    for (let slot = 0; slot < count; slot++) {
      const address = heap.malloc(size);
      addresses[slot] = address;
      if (marks) marker.placed(slots, slot, address, size);
    }
    for (let slot = count - 1; slot >= 0; slot--) {
      if (marks) marker.leaving(slots, slot);
      heap.free(addresses[slot]);
    }
  }
}

/** The same, the first one first. */
export function tinyHotFifo<B>(
  heap: Allocator<B>,
  slots: Slots<B>,
  marker: Marks<B>,
  size: number,
  laps: number,
): void {
  const { addresses } = slots;
  const count = addresses.length;
  const marks = marker.active;
  for (let lap = 0; lap < laps; lap++) {
    for (let slot = 0; slot < count; slot++) {
      const address = heap.malloc(size);
      addresses[slot] = address;
      if (marks) marker.placed(slots, slot, address, size);
    }
    for (let slot = 0; slot < count; slot++) {
      if (marks) marker.leaving(slots, slot);
      heap.free(addresses[slot]);
    }
  }
}
