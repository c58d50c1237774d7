import { type Heap } from 'sabmalloc';
import { harmless, type Misuse, SIZES } from '../scene.js';

const scribble = (heap: Heap, from: number, to: number): void => void heap.u8.fill(0xff, from, to);

/** Two blocks of a slab side by side. */
function neighbours(heap: Heap, bytes: number): [low: number, high: number] {
  const blocks = Array.from({ length: 40 }, () => heap.malloc(bytes)).sort((a, b) => a - b);
  const gaps = blocks.slice(1).map((block, i) => block - blocks[i]);
  const at = gaps.indexOf(Math.min(...gaps));
  return [blocks[at], blocks[at + 1]];
}

/** What the user writes where nothing of his is. The contents are his loss; the state of the heap lies elsewhere. */
export const OVERWRITES: readonly Misuse[] = [
  {
    name: 'a freed block is written to through its old view',
    code: 'none',
    damages: ['use after free'],
    *run({ heap }) {
      for (const length of [1, 16, 100, 1000, 5000, 40_000, 300_000]) {
        const view = heap.alloc(Uint8Array, length);
        heap.free(view);
        yield harmless(() => void view.fill(0xff));
        heap.free(heap.malloc(length));
      }
    },
  },
  {
    name: 'a freed block is written to after its pages went back',
    code: 'none',
    damages: ['use after free'],
    *run({ heap }) {
      const views = SIZES.map((length) => heap.alloc(Uint8Array, length));
      for (const view of views) heap.free(view);
      heap.collect();
      for (const view of views) yield harmless(() => void view.fill(0xff));
    },
  },
  {
    name: 'the old view of a block that resize moved is written to',
    code: 'none',
    damages: ['use after free'],
    *run({ heap }) {
      const old = heap.alloc(Uint8Array, 100);
      const moved = heap.resize(old, 5000);
      yield harmless(() => void old.fill(0xff));
      heap.free(moved);
    },
  },
  {
    name: 'a block is overrun into its neighbour',
    code: 'none',
    damages: ['overrun'],
    *run({ heap }) {
      for (const bytes of [16, 48, 100, 1000, 4096, 20_000]) {
        const [low, high] = neighbours(heap, bytes);
        yield harmless(() => scribble(heap, low, high + heap.usableSize(high)));
        heap.freeMany([low, high]);
      }
    },
  },
  {
    name: 'the bytes before a block are written',
    code: 'none',
    damages: ['overrun'],
    *run({ heap }) {
      for (const bytes of [16, 100, 4096]) {
        const [low, high] = neighbours(heap, bytes);
        yield harmless(() => scribble(heap, low, high));
        heap.freeMany([high, low]);
      }
    },
  },
  {
    name: 'a block of no bytes is written to',
    code: 'none',
    *run({ heap }) {
      const block = heap.malloc(0);
      yield harmless(() => scribble(heap, block, block + heap.usableSize(block)));
      heap.free(block);
    },
  },
  {
    name: 'freed blocks are filled with words that look like addresses and counts',
    code: 'none',
    damages: ['use after free'],
    *run({ heap }) {
      for (const value of [0, 1, -1, 0x7fffffff, heap.malloc(64)]) {
        const blocks = Array.from({ length: 100 }, () => heap.malloc(64));
        heap.freeMany(blocks);
        yield harmless(() => {
          for (const block of blocks) heap.i32.fill(value, block / 4, block / 4 + 16);
        });
        heap.freeMany(Array.from({ length: 200 }, () => heap.malloc(64)));
      }
    },
  },
];
