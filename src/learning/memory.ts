import { Classes } from '../layout/classes.js';

/*
 * Contract of the memory learner, one for each worker.
 *
 * Reads    slabs of a class made and given back between refills, how many empty ones were never needed, and what each trim brought.
 * Owns     how many empty slabs each class keeps, and by what growth of the heap a trim becomes due. Nobody else changes them.
 * Applied  at that class's next refill; the growth at the next refill that asks for more memory. Never by a call that a cache serves.
 * Bounds   up to 16 slabs a class, and no more than a 64th of the region; trims at a growth of an eighth to a 32nd.
 * Memory   a few words a class; nothing grows, nothing waits.
 *
 * Segments are no knob: a region that has grown can't shrink, in no JavaScript engine.
 */

/** Refills of a class between two decisions about it. */
const REFILLS_A_LOOK = 4;
const NONE_SEEN = 0x7fffffff;
/** An eighth and a 32nd. */
const TRIM_SHIFT_LEAST = 3;
const TRIM_SHIFT_MOST = 5;
/** Trims in a row that brought next to nothing, until they become rarer. */
const POOR_TRIMS = 8;

export class MemoryLearner {
  /** Empty slabs kept, by class. */
  readonly kept: Int32Array;
  private readonly most: Int32Array;
  private readonly made = new Int32Array(Classes.COUNT + 1);
  private readonly returned = new Int32Array(Classes.COUNT + 1);
  private readonly looks = new Int32Array(Classes.COUNT + 1);
  private readonly unused = new Int32Array(Classes.COUNT + 1).fill(NONE_SEEN);
  private poorTrims = 0;

  /** `kept` is where the options put it, `most` the bound, both by class. */
  constructor(kept: Int32Array, most: Int32Array) {
    this.kept = kept;
    this.most = most;
  }

  slabMade(classId: number): void {
    this.made[classId] = 1;
  }

  /** An empty slab went back because the class may not keep it. */
  slabReturned(classId: number): void {
    this.returned[classId] = 1;
  }

  /** One refill of a class that has `empty` empty slabs. Returns how many it keeps from now on. */
  look(classId: number, empty: number): number {
    this.unused[classId] = Math.min(this.unused[classId], empty);
    if (++this.looks[classId] < REFILLS_A_LOOK) return this.kept[classId];
    const isChurning = this.made[classId] + this.returned[classId] === 2;
    // Never fewer than so many lay there, at no refill: they were not needed.
    const isIdle = this.unused[classId] > 0;
    if (isChurning)
      this.kept[classId] = Math.max(this.kept[classId], Math.min(this.kept[classId] + 1, this.most[classId]));
    else if (isIdle) this.kept[classId] = Math.max(0, this.kept[classId] - 1);
    this.looks[classId] = this.made[classId] = this.returned[classId] = 0;
    this.unused[classId] = NONE_SEEN;
    return this.kept[classId];
  }

  /**
   * After a trim that was due at a growth of `step` slices and returned so many: the share of growth, as a shift, that makes the next
   * one due. What a trim returns lay idle: as much as the growth, and it came too late.
   */
  trimmed(shift: number, step: number, returnedSlices: number): number {
    this.poorTrims = returnedSlices * 8 < step ? this.poorTrims + 1 : 0;
    if (returnedSlices >= step) return Math.min(TRIM_SHIFT_MOST, shift + 1);
    if (this.poorTrims < POOR_TRIMS) return shift;
    this.poorTrims = 0;
    return Math.max(TRIM_SHIFT_LEAST, shift - 1);
  }
}
