import { type Heap } from 'sabmalloc';
import { HashMap, numbers } from 'sabmalloc/collections';
import { Mutex } from 'sabmalloc/sync';

/** What is measured against what. */
export const CANDIDATES = [
  'HashMap',
  'HashMap, one stripe, readers under a Mutex',
  'Map in one thread, by messages',
] as const;
export type Candidate = (typeof CANDIDATES)[number];

/** What a worker does: so many accesses to random keys, one in ten of them a `set`. */
export interface Mix {
  readonly candidate: Candidate;
  readonly map: number;
  readonly mutex: number;
  readonly entries: number;
  readonly accesses: number;
  readonly seed: number;
}

/** Under each key lies a number that says which key it is. */
export const valueOf = (key: number, version: number): number => key + version / 1024;
export const isOf = (key: number, value: number | undefined): boolean =>
  value !== undefined && Math.floor(value) === key;

/** Keys in no order: a linear congruence. */
export class Draw {
  constructor(private state: number) {}

  below(limit: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) | 0;
    return Math.floor(((this.state >>> 0) / 2 ** 32) * limit);
  }
}

export interface Table {
  get(key: number): number | undefined;
  set(key: number, value: number): unknown;
}

/** A worker's view of the map in the heap. */
export function tableOf(heap: Heap, { candidate, map: address, mutex: lock }: Mix): Table {
  const map = HashMap.at(heap, address, numbers, numbers);
  if (candidate === 'HashMap') return map;
  const mutex = Mutex.at(heap, lock);
  return {
    get: (key) => {
      const guard = mutex.lock();
      const value = map.get(key);
      guard.unlock();
      return value;
    },
    set: (key, value) => {
      const guard = mutex.lock();
      map.set(key, value);
      guard.unlock();
    },
  };
}

/** Throws where a value is not that of its key; else how many were right. */
export function play(table: Table, { entries, accesses, seed }: Mix): number {
  const draw = new Draw(seed);
  let right = 0;
  for (let i = 0; i < accesses; i++) {
    const key = draw.below(entries);
    if (draw.below(10) === 0) table.set(key, valueOf(key, i & 1023));
    else if (isOf(key, table.get(key))) right++;
    else throw new Error(`under ${key} lies another key's value`);
  }
  return right;
}
