import { Heap } from 'sabmalloc';
import { PRESETS, type PresetName } from 'sabmalloc/config';
import { KIB, MIB } from '../kit/heaps.js';
import { Random } from '../kit/random.js';

/** What the heaps of a soak are made of. `memory` is the caller's own, of which the heap gets a part. */
export const BACKINGS = ['growable', 'wasm', 'fixed', 'memory'] as const;
export type Backing = (typeof BACKINGS)[number];

export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];

/** In a tight region workers are refused, scrape and adopt all the time; a growing one has 60 growths before it. */
export const SIZES = { roomy: 64 * MIB, tight: 4 * MIB, growing: 256 * MIB } as const;
export type SizeName = keyof typeof SIZES;
export const SIZE_NAMES = Object.keys(SIZES) as SizeName[];

export const MAX_WORKERS = 16;

/** One kind of heap. */
export interface Combination {
  readonly backing: Backing;
  readonly preset: PresetName;
  readonly size: SizeName;
}

export const describe = ({ size, backing, preset }: Combination): string => `${size} ${backing} ${preset}`;

/** All kinds, or those asked for, such that any 20 in a row show every backing with every preset. */
export function combinations(only: Partial<Combination> = {}): Combination[] {
  const count = BACKINGS.length * PRESET_NAMES.length * SIZE_NAMES.length;
  // The three lengths have no divisor in common, so counting all of them at once meets every combination.
  return Array.from({ length: count }, (_, i) => ({
    backing: BACKINGS[i % BACKINGS.length],
    preset: PRESET_NAMES[i % PRESET_NAMES.length],
    size: SIZE_NAMES[i % SIZE_NAMES.length],
  })).filter(
    ({ backing, preset, size }) =>
      backing === (only.backing ?? backing) && preset === (only.preset ?? preset) && size === (only.size ?? size),
  );
}

/** A heap, and a look at the memory around it. */
export interface Ground {
  readonly heap: Heap;
  /** Throws if the heap wrote where the caller's memory is not the heap's. */
  checkAround(): void;
}

export function ground({ backing, preset, size }: Combination, seed: number): Ground {
  // Guards lie behind blocks drawn at random, so with them a used heap takes a little more or less than a fresh one.
  const options = { preset, guardEvery: 0, leakReport: 'off', maxWorkers: MAX_WORKERS, maxBytes: SIZES[size] } as const;
  if (backing !== 'memory') return { heap: Heap.create({ ...options, backing }), checkAround: () => {} };
  const random = new Random(seed);
  const memoryOffset = random.int(1, 100_000);
  const kinds = size === 'growing' ? CALLERS_MEMORY.slice(0, 2) : CALLERS_MEMORY;
  const memory = random.pick(kinds)(memoryOffset + options.maxBytes + AFTER_BYTES);
  // What was there before is nothing to rely on.
  const before = new Uint8Array(bufferOf(memory)).fill(NOISE);
  const heap = Heap.create({ ...options, memory, memoryOffset });
  // The heap begins at the next multiple of its unit.
  const start = Math.ceil(memoryOffset / SLICE_BYTES) * SLICE_BYTES;
  const checkAround = (): void => {
    const bytes = new Uint8Array(bufferOf(memory));
    const isTouched =
      before.subarray(0, start).some((byte) => byte !== NOISE) ||
      bytes.subarray(memoryOffset + options.maxBytes).some((byte) => byte !== NOISE && byte !== 0);
    if (isTouched) throw new Error(`the heap wrote outside its part of the memory, which begins at ${start}`);
  };
  return { heap, checkAround };
}

const SLICE_BYTES = 4096;
const NOISE = 0xa5;
const AFTER_BYTES = 128 * KIB;
const FIRST_BYTES = 8 * MIB;
const WASM_PAGE_BYTES = 64 * KIB;

type Memory = SharedArrayBuffer | WebAssembly.Memory;

const bufferOf = (memory: Memory): SharedArrayBuffer =>
  memory instanceof WebAssembly.Memory ? (memory.buffer as unknown as SharedArrayBuffer) : memory;

const CALLERS_MEMORY: readonly ((bytes: number) => Memory)[] = [
  (bytes) => new SharedArrayBuffer(Math.min(bytes, FIRST_BYTES), { maxByteLength: bytes }),
  (bytes) => {
    const pages = (of: number): number => Math.ceil(of / WASM_PAGE_BYTES);
    const initial = pages(Math.min(bytes, FIRST_BYTES));
    return new WebAssembly.Memory({ initial, maximum: pages(bytes), shared: true });
  },
  (bytes) => new SharedArrayBuffer(bytes),
];
