import type { Race } from './machine.js';
import type { Site } from './transform.js';

/**
 * A plain access that nothing orders against another worker's write, with the reason why that is harmless under
 * JavaScript's memory model. All accesses here are of aligned 32-bit words of an Int32Array, which never tear: a racing read
 * sees the old value or the new one, entirely.
 */
export interface Excuse {
  /** Field of the schema, or table. */
  readonly field: string;
  /** Function that makes the plain access. */
  readonly inside: string;
  readonly why: string;
}

/** Plain reads that may race with a write. */
export const EXCUSED_READS: readonly Excuse[] = [
  ...['searchWords', 'skip', 'takeWord'].map((inside) => ({
    field: 'bitmap',
    inside,
    why: 'A hint where free slices may be. What is claimed is decided by the compare-and-swap on the same word; an old value costs another look.',
  })),
  {
    field: 'bitmap',
    inside: 'countClaimed',
    why: 'A count for error messages, statistics and checks, exact when workers are at rest, as documented.',
  },
  {
    field: 'SliceWord.X_STATE',
    inside: 'publishedHeads',
    why: 'Tells empty slices from others; whatever is not 0 is read again as an atomic before it is used, and who acts on it swaps the word.',
  },
  {
    field: 'HeaderWord.X_LIMIT',
    inside: 'isStale',
    why: 'A look whether views should be renewed. Whoever was given an address in new memory was given it after the growth was published; an old value can only hide growth that nobody told this worker of.',
  },
  {
    field: 'SlotWord.X_QUEUE',
    inside: 'drainQueue',
    why: 'A look whether the exchange is worth it. An old 0 delays blocks to the next slow path; collect() takes the queue without a look.',
  },
  {
    field: 'SlotWord.X_STATE',
    inside: 'glanceAtState',
    why: 'A look before each slow call whether this thread was declared dead. With an old value the call is one made a moment earlier, which nothing could have refused either.',
  },
  ...['offerTransfer', 'refillFromTransfer'].map((inside) => ({
    field: 'transfer slot',
    inside,
    why: 'A look for an empty or a full slot. The compare-and-swap or exchange on the same word decides.',
  })),
  ...['free', 'freeBlock', 'isOwnBlock', 'mapOf', 'ownBlockBytes'].map((inside) => ({
    field: 'map',
    inside,
    why: 'While a block is live its slab keeps its class, and its owner in the map changes only between 0, the old and the new one. A reader compares with its own slot, which nobody else stores; any other value leads to a remote free, which asks X_STATE.',
  })),
  ...['free', 'isLive', 'countHeld', 'drainBits', 'ownBlockBytes'].map((inside) => ({
    field: 'remote bits',
    inside,
    why: 'The bit of a block that is used by the rules changes only through its holder. Bits of other blocks in the word are not looked at (free, isLive, ownBlockBytes), are a hint (countHeld), or come home with the next drain: whoever sets one marks the slab afterwards (drainBits).',
  })),
  ...['isLive', 'countHeld'].map((inside) => ({
    field: 'live bits',
    inside,
    why: 'The owner may store the word at any time, but the bit of a live block only when its holder frees it; bits of other blocks are not looked at (isLive) or are a hint (countHeld).',
  })),
];

/** Plain writes that may race with the reads above: words that one worker at a time stores and others look at. */
export const EXCUSED_WRITES: readonly Excuse[] = [
  {
    field: 'map',
    inside: 'fillMap',
    why: 'The worker that owns, claims, abandons or adopts the run is the only one that stores its map words.',
  },
  ...['publishRun', 'growInto'].map((inside) => ({
    field: 'SliceWord.HEAD',
    inside,
    why: 'Read by a reclaimer (isPublished) while the run is in the journal of the worker that stores it; the reclaimer throws away what it saw when a journal names the slice or has changed. Everyone else learns of the run after X_STATE has published it.',
  })),
  ...['drainBits', 'free', 'freeLocal', 'take', 'popLive', 'takeRemote'].map((inside) => ({
    field: 'live bits',
    inside,
    why: "Only the slab's owner stores live bits; ownership passes on through X_STATE.",
  })),
];

function isPartExcused(race: Race, part: 0 | 1, sites: readonly Site[]): boolean {
  const kind = race.kinds[part];
  if (kind.startsWith('atomic')) return true;
  const list = kind === 'plain read' ? EXCUSED_READS : EXCUSED_WRITES;
  return list.some(({ field, inside }) => field === race.name.field && inside === sites[race.sites[part]].inside);
}

/** Two plain writes are never excused; otherwise each plain side must be on its list. */
export function isExcused(race: Race, sites: readonly Site[]): boolean {
  if (race.kinds.every((kind) => kind.endsWith('write'))) return false;
  return isPartExcused(race, 0, sites) && isPartExcused(race, 1, sites);
}

/** A race that is not excused. `withStacks` adds where the two accesses came from. */
export class RaceError extends Error {
  constructor(
    readonly race: Race,
    sites: readonly Site[],
  ) {
    const part = (i: 0 | 1): string =>
      `${race.kinds[i]} in ${sites[race.sites[i]].inside} (${sites[race.sites[i]].place})`;
    super(`a race on ${race.name.field} of ${race.name.of}: ${part(0)} and ${part(1)}, which nothing orders`);
    this.name = 'RaceError';
  }
}
