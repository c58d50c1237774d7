import * as atomics from '#atomics';
import type { HeapSettings } from '../config/options.js';
import { CacheWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { AllocationLearner, type CacheKnobs } from './allocation.js';
import { Knob, type LearningLog } from './log.js';
import { MemoryLearner } from './memory.js';

/** What the learners of a worker may turn. Each knob has one owner: the allocation learner has the first two, the memory learner the third and the trim's growth. */
export interface Knobs extends CacheKnobs {
  readonly emptySlabsKept: Int32Array;
}

/** Most that they may be turned up to, where that isn't how they stand at the start. */
export interface KnobBounds {
  readonly emptySlabsKept: Int32Array;
  /** Of the stacks of all classes of a worker together. */
  readonly cachedBytes: number;
}

/**
 * The learners of one worker: private to it, so a worker that is killed takes them with it and whoever adopts its slabs misses nothing.
 * The only word of theirs in shared memory is the capacity of a stack.
 */
export class Learning {
  readonly caches: AllocationLearner | undefined;
  readonly memory: MemoryLearner | undefined;
  log: LearningLog | undefined;
  private readonly region: Region;
  private readonly knobs: Knobs;
  /** Refills of this worker: the clock of the learners. */
  private refills = 0;

  constructor(region: Region, settings: HeapSettings, knobs: Knobs, bounds: KnobBounds) {
    this.region = region;
    this.knobs = knobs;
    if (settings.learnCaches === 1) this.caches = new AllocationLearner(knobs, bounds.cachedBytes);
    if (settings.learnMemory === 1) this.memory = new MemoryLearner(knobs.emptySlabsKept, bounds.emptySlabsKept);
  }

  /** Before the empty stack of a class, whose record is at this word, is filled. */
  atRefill(classId: number, cache: number): void {
    this.refills = (this.refills + 1) | 0;
    this.lookAtCache(classId, cache);
    if (this.memory === undefined) return;
    const before = this.knobs.emptySlabsKept[classId];
    const kept = this.memory.look(classId, this.region.i32[cache + CacheWord.EMPTY_SLABS]);
    this.note(classId, cache, Knob.EMPTY_SLABS, before, kept);
  }

  private lookAtCache(classId: number, cache: number): void {
    const { caches, knobs } = this;
    const { i32 } = this.region;
    const before = i32[cache + CacheWord.CAPACITY];
    // 0: this worker was reclaimed by hand, and must not find a stack to put blocks on.
    if (caches === undefined || before === 0) return;
    const refillBefore = knobs.refill[classId];
    const wanted = caches.look(classId, i32[cache + CacheWord.SPILLS], this.refills);
    if (wanted !== before) {
      // It may be reclaimed at this very moment: then the 0 stays.
      if (atomics.compareExchange(i32, cache + CacheWord.CAPACITY, before, wanted) !== before) return;
      caches.settle(classId, wanted);
    }
    this.note(classId, cache, Knob.CAPACITY, before, wanted);
    this.note(classId, cache, Knob.REFILL, refillBefore, knobs.refill[classId]);
  }

  slabMade(classId: number): void {
    this.memory?.slabMade(classId);
  }

  slabReturned(classId: number): void {
    this.memory?.slabReturned(classId);
  }

  /** After a trim: the share of growth, as a shift, at which the next one is due. */
  trimmed(shift: number, step: number, returnedSlices: number): number {
    if (this.memory === undefined) return shift;
    const next = this.memory.trimmed(shift, step, returnedSlices);
    if (next !== shift) this.log?.add(this.refills, 0, Knob.TRIM_SHIFT, shift, next, 0, 0);
    return next;
  }

  private note(classId: number, cache: number, knob: Knob, from: number, to: number): void {
    const { log, refills } = this;
    if (log === undefined || from === to) return;
    const { i32 } = this.region;
    log.add(refills, classId, knob, from, to, i32[cache + CacheWord.MISSES], i32[cache + CacheWord.SPILLS]);
  }
}
