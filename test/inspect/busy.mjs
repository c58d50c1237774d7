// A program that never gives its event loop a turn: makes heaps, works in the first until the file it was told of is there.
import { existsSync } from 'node:fs';
import { Heap } from 'sabmalloc';

const [stopFile, heaps] = process.argv.slice(2);
const [heap] = Array.from({ length: Number(heaps) }, () => Heap.create({ maxBytes: 16 * 2 ** 20 }));
const kept = heap.mallocMany(100, 1000);
const nap = new Int32Array(new SharedArrayBuffer(4));
while (!existsSync(stopFile)) {
  heap.free(kept.shift());
  kept.push(heap.malloc(100));
  Atomics.wait(nap, 0, 0, 1);
}
process.exit(7);
