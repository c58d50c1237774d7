import { CLASS_BYTES, Classes } from '../layout/classes.js';

/*
 * Contract of the allocation learner, one for each worker.
 *
 * Reads    misses and spills of a class, and how many refills of the worker lie between two of the class. The fast path counts
 *          nothing, so hits are no input: what a refill took is what was served until the next one.
 * Owns     how many blocks the stack of a class may hold, and how many one refill takes. Nobody else changes them.
 * Applied  at that class's next refill, when its stack is empty; never by a malloc or free that a cache serves.
 * Bounds   what the options say is the ceiling: cacheCapacity, cacheBytes, a 64th of the region, refillMax. All stacks of a worker
 *          together may hold `budgetBytes`: a class grows only into what others leave.
 * Memory   a few words a class; nothing grows, nothing waits.
 */

/** Refills of a class between two decisions about it. */
const REFILLS_A_LOOK = 4;
/** Refills of the worker after which a class that had none was idle. */
const IDLE_REFILLS = 256;
/** Each class begins with this part of what the options allow it. */
const START_SHARE = 1 / 4;
const LEAST_BLOCKS = 4;

/** How many blocks, by class: of the stack, and of one refill. */
export interface CacheKnobs {
  readonly capacity: Int32Array;
  readonly refill: Int32Array;
}

export class AllocationLearner {
  readonly knobs: CacheKnobs;
  /** Most bytes that the stacks of all classes may hold together. */
  readonly budgetBytes: number;
  private readonly ceiling: CacheKnobs;
  private readonly looks = new Int32Array(Classes.COUNT + 1);
  private readonly spillsSeen = new Int32Array(Classes.COUNT + 1);
  private readonly lastRefill = new Int32Array(Classes.COUNT + 1);
  private bytes = 0;

  /** Takes over knobs that stand at what the options allow, and turns them down to where learning begins. */
  constructor(knobs: CacheKnobs, budgetBytes: number) {
    this.knobs = knobs;
    this.ceiling = { capacity: knobs.capacity.slice(), refill: knobs.refill.slice() };
    for (let classId = 1; classId <= Classes.COUNT; classId++) {
      knobs.capacity[classId] = Math.max(this.least(classId), Math.floor(knobs.capacity[classId] * START_SHARE));
      this.setRefill(classId, Math.floor(knobs.refill[classId] * START_SHARE));
      this.bytes += knobs.capacity[classId] * CLASS_BYTES[classId];
    }
    this.budgetBytes = Math.max(budgetBytes, this.bytes);
  }

  /**
   * One refill of a class: `spills` is the class's counter, `clock` the refills of the worker so far. Sets how many blocks a refill
   * takes from now on, and returns the capacity that the stack should have: for the caller to publish and then to `settle`.
   */
  look(classId: number, spills: number, clock: number): number {
    const capacity = this.knobs.capacity[classId];
    const last = this.lastRefill[classId];
    this.lastRefill[classId] = clock;
    if (last !== 0 && ((clock - last) | 0) > IDLE_REFILLS) {
      this.begin(classId, spills);
      return this.shrunk(classId, capacity);
    }
    if (++this.looks[classId] < REFILLS_A_LOOK) return capacity;
    const spilled = (spills - this.spillsSeen[classId]) | 0;
    this.begin(classId, spills);
    if (spilled === 0) {
      // Blocks are taken and stay: fewer and larger refills. The stack needs room for one.
      this.setRefill(classId, this.knobs.refill[classId] * 2);
      return capacity;
    }
    return 2 * spilled < REFILLS_A_LOOK ? capacity : this.widened(classId, capacity);
  }

  /** The stack of a class has the capacity that was asked for. */
  settle(classId: number, capacity: number): void {
    const { knobs } = this;
    this.bytes += (capacity - knobs.capacity[classId]) * CLASS_BYTES[classId];
    knobs.capacity[classId] = capacity;
  }

  private begin(classId: number, spills: number): void {
    this.looks[classId] = 0;
    this.spillsSeen[classId] = spills;
  }

  private least(classId: number): number {
    return Math.min(LEAST_BLOCKS, this.ceiling.capacity[classId]);
  }

  private setRefill(classId: number, blocks: number): void {
    const most = Math.min(this.ceiling.refill[classId], this.knobs.capacity[classId]);
    this.knobs.refill[classId] = Math.max(1, Math.min(most, blocks));
  }

  private shrunk(classId: number, capacity: number): number {
    this.setRefill(classId, this.knobs.refill[classId] >>> 1);
    return Math.max(this.least(classId), capacity >>> 1);
  }

  /** Blocks come and go in waves that are higher than the stack. One that may not grow takes half of itself, to leave room for as many. */
  private widened(classId: number, capacity: number): number {
    const affordable = capacity + Math.floor((this.budgetBytes - this.bytes) / CLASS_BYTES[classId]);
    const wider = Math.min(capacity * 2, this.ceiling.capacity[classId], affordable);
    if (wider > capacity) return wider;
    this.setRefill(classId, Math.min(this.knobs.refill[classId], capacity >>> 1));
    return capacity;
  }
}
