import { ALIGNMENTS } from './arbitraries.js';
import { ENDINGS } from './task.js';

/**
 * The paths through the heap that a run may take, as far as they can be told from outside: by results, by the owner of a
 * block in `blocks()`, and by what changed in `stats()`.
 */
const ALONE = {
  allocated: [
    'tiny block allocated',
    'mid block allocated',
    'large block allocated',
    'huge block allocated',
    'zeroed block allocated',
    'typed array allocated',
    'batch allocated',
    'batch allocated into out',
    'region grown',
  ],
  aligned: ALIGNMENTS.map((alignment) => `block aligned to ${alignment}` as const),
  freed: [
    'own block freed into the cache',
    'own blocks freed by a spill of the cache',
    'mid blocks spilled into the magazine',
    'own span freed',
    'huge span freed',
    'block of a slab that nobody owns freed',
    'slab adopted',
    'block of an adopted slab freed',
    'block freed by a view',
    'batch freed',
    'batch freed up to a wrong entry',
    'collect returned bytes',
  ],
  resized: [
    'realloc kept the place in a slab',
    'realloc resized a span in place',
    'realloc moved the block',
    'typed array resized',
  ],
  'no room': ['request refused by a full heap', 'batch refused by a full heap', 'realloc refused by a full heap'],
  'came and went': [
    'left and came back',
    'reservation taken back by hand',
    'reservation taken back by an exit',
    'slots used up',
  ],
  // Mistakes that must be refused, each with its exact code, and leave the heap as it was.
  misused: [
    'misuse: double free of an own block',
    'misuse: double free of a span',
    'misuse: double free after collect',
    'misuse: double free within a batch',
    'misuse: interior address',
    'misuse: misaligned address',
    'misuse: wild address',
    'misuse: no number for an address',
    'misuse: view of other memory',
    'misuse: view of a part of a block',
    'misuse: bad size',
    'misuse: size beyond the region',
    'misuse: bad alignment',
    'misuse: realloc and its like of no block',
    'misuse: view outside the region or misaligned',
    'misuse: out too short',
    'misuse: no typed array constructor',
    'misuse: watch of what has no exit',
    'misuse: reclaim of nonsense',
    'misuse: bad token',
    'misuse: bad options',
    'misuse: call after detach',
  ],
} as const;

/** What takes several workers. */
const OF_SEVERAL = {
  freed: ['block of another worker freed', 'remote free brought home', 'span of another worker freed'],
  'came and went': [
    'worker left',
    'worker came with a reservation',
    ...ENDINGS.map((ending) => `worker ${ending}` as const),
    'dead worker reclaimed by its exit',
    'dead worker reclaimed by hand',
    'living worker reclaimed by mistake',
  ],
  misused: [
    "misuse: double free of another worker's block",
    'misuse: double free by two workers',
    'misuse: call after being reclaimed',
    'misuse: reservation used twice',
  ],
} as const;

type Values<Table> = Table[keyof Table];

export type PathGroup = keyof typeof ALONE;
export type PathName = Values<typeof ALONE>[number] | Values<typeof OF_SEVERAL>[number];
export type MisuseName = PathName & `misuse: ${string}`;

/** Every path that so many workers besides the main thread can take, by what happens on it. */
export function pathGroups(workers: number): ReadonlyMap<PathGroup, readonly PathName[]> {
  const several: Partial<Record<PathGroup, readonly PathName[]>> = workers === 0 ? {} : OF_SEVERAL;
  const groups = Object.entries(ALONE) as [PathGroup, readonly PathName[]][];
  return new Map(groups.map(([group, paths]) => [group, [...paths, ...(several[group] ?? [])]]));
}

export const pathsWith = (workers: number): PathName[] => [...pathGroups(workers).values()].flat();

/** How often each path was taken. */
export class Reached {
  private readonly counts: Map<PathName, number>;

  constructor(workers: number) {
    this.counts = new Map(pathsWith(workers).map((path) => [path, 0]));
  }

  add(path: PathName, times = 1): void {
    this.counts.set(path, (this.counts.get(path) ?? 0) + times);
  }

  toObject(): Readonly<Partial<Record<PathName, number>>> {
    return Object.fromEntries(this.counts);
  }
}
