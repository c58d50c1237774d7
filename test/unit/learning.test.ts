import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLASS_BYTES, Classes } from '../../src/layout/classes.js';
import { CacheWord } from '../../src/layout/offsets.generated.js';
import { AllocationLearner } from '../../src/learning/allocation.js';
import { MemoryLearner } from '../../src/learning/memory.js';
import { reclaimThread, reclaimWorker } from '../../src/registry/reclaim.js';
import { Random, runs, seeded } from '../kit/random.js';
import { Stage, type Actor } from './kit.js';
import { interrupted } from './meanwhile.js';
import { knobsOf, waves } from './waves.js';

const byClass = (value: number): Int32Array => new Int32Array(Classes.COUNT + 1).fill(value);
const PLENTY = 2 ** 30;
const CLASS = 4;

/** A learner whose options allow 160 blocks and refills of 96, and what is turned. */
function learner(budgetBytes = PLENTY, capacity = 160, refill = 96): AllocationLearner {
  return new AllocationLearner({ capacity: byClass(capacity), refill: byClass(refill) }, budgetBytes);
}

/** As many looks as one decision takes, with so many spills in all, and so many refills of other classes between them. */
class Trial {
  private spills = 0;
  private clock = 0;
  constructor(readonly learner: AllocationLearner) {}

  look(spills = 0, apart = 1): this {
    this.spills += spills;
    this.clock += apart;
    this.learner.settle(CLASS, this.learner.look(CLASS, this.spills, this.clock));
    return this;
  }

  looks(...spills: readonly number[]): this {
    for (const count of spills) this.look(count);
    return this;
  }

  get now(): [capacity: number, refill: number] {
    return [this.learner.knobs.capacity[CLASS], this.learner.knobs.refill[CLASS]];
  }
}

const trial = (...args: Parameters<typeof learner>): Trial => new Trial(learner(...args));

describe('the allocation learner', () => {
  it('begins with a quarter of what the options allow, and with no less than 4 blocks', () => {
    expect(trial().now).toEqual([40, 24]);
    expect(trial(PLENTY, 10, 1).now).toEqual([4, 1]);
    expect(trial(PLENTY, 2, 2).now).toEqual([2, 1]);
  });

  it('takes more at once where a class only misses', () => {
    expect(trial().looks(0, 0, 0).now).toEqual([40, 24]);
    expect(trial().looks(0, 0, 0, 0).now).toEqual([40, 40]);
    expect(trial(PLENTY, 400, 96).looks(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0).now).toEqual([100, 96]);
  });

  it('lets a class hold more where it misses and spills', () => {
    expect(trial().looks(1, 1, 0, 0).now).toEqual([80, 24]);
    expect(trial().looks(0, 0, 0, 5).now).toEqual([80, 24]);
    expect(trial().looks(1, 0, 0, 0).now).toEqual([40, 24]);
    expect(trial().looks(2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0).now).toEqual([160, 24]);
  });

  it('leaves half of a stack free where it spills and may not grow', () => {
    const full = trial().looks(2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    expect(full.now).toEqual([160, 96]);
    expect(full.looks(2, 0, 0, 0).now).toEqual([160, 80]);
  });

  it('gives back what an idle class had', () => {
    const busy = trial().looks(2, 0, 0, 0);
    expect(busy.now).toEqual([80, 24]);
    expect(busy.look(0, 256).now).toEqual([80, 24]);
    expect(busy.look(0, 257).now).toEqual([40, 12]);
    for (let i = 0; i < 9; i++) busy.look(0, 1000);
    expect(busy.now).toEqual([4, 1]);
  });

  it('counts a class that comes late as new, not as idle', () => expect(trial().look(0, 5000).now).toEqual([40, 24]));

  it('keeps all stacks together within the budget', () => {
    expect(trial(0).looks(2, 0, 0, 0).now).toEqual([40, 20]);
    const start = learner(0).budgetBytes;
    expect(trial(start + 10 * CLASS_BYTES[CLASS]).looks(2, 0, 0, 0).now).toEqual([50, 24]);
  });

  it('never leaves its bounds, whatever happens and whether or not it is obeyed', () => {
    const step = fc.record({
      classId: fc.integer({ min: 1, max: Classes.COUNT }),
      spills: fc.integer({ min: 0, max: 9 }),
      apart: fc.constantFrom(1, 1, 1, 10, 300),
      times: fc.integer({ min: 1, max: 12 }),
      isObeyed: fc.boolean(),
    });
    const limits = fc.record({
      budget: fc.integer({ min: 0, max: 2 ** 24 }),
      capacity: fc.integer({ min: 1, max: 500 }),
      refill: fc.integer({ min: 1, max: 500 }),
      clock: fc.constantFrom(0, 2 ** 31 - 50),
    });
    fc.assert(
      fc.property(limits, fc.array(step), ({ budget, capacity, refill, clock: start }, steps) => {
        const one = learner(budget, capacity, Math.min(refill, capacity));
        const { knobs, budgetBytes } = one;
        const spills = byClass(0);
        let clock = start;
        for (const { classId, spills: more, apart, times, isObeyed } of steps)
          for (let i = 0; i < times; i++) {
            clock = (clock + apart) | 0;
            const wanted = one.look(classId, (spills[classId] += more), clock);
            if (isObeyed) one.settle(classId, wanted);
            const held = knobs.capacity.reduce((sum, blocks, id) => sum + blocks * CLASS_BYTES[id], 0);
            expect(held).toBeLessThanOrEqual(budgetBytes);
            for (const [has, most] of [
              [wanted, capacity],
              [knobs.capacity[classId], capacity],
              [knobs.refill[classId], Math.min(refill, capacity)],
            ]) {
              expect(has).toBeGreaterThanOrEqual(1);
              expect(has).toBeLessThanOrEqual(most);
            }
            expect(wanted).toBeGreaterThanOrEqual(Math.min(4, capacity));
          }
      }),
      runs(100),
    );
  });
});

describe('the memory learner', () => {
  const memory = (kept = 1, most = 16): MemoryLearner => new MemoryLearner(byClass(kept), byClass(most));
  const looks = (one: MemoryLearner, ...empty: readonly number[]): number =>
    empty.map((count) => one.look(CLASS, count)).at(-1) ?? NaN;

  it('keeps one more where slabs are given back and made again', () => {
    const one = memory();
    one.slabReturned(CLASS);
    one.slabMade(CLASS);
    expect(looks(one, 0, 0, 0)).toBe(1);
    expect(looks(one, 0)).toBe(2);
    expect(looks(one, 0, 0, 0, 0)).toBe(2);
  });

  it('keeps as many where they only come, or only go', () => {
    const one = memory();
    one.slabMade(CLASS);
    expect(looks(one, 0, 0, 0, 0)).toBe(1);
    one.slabReturned(CLASS);
    expect(looks(one, 0, 0, 0, 0)).toBe(1);
  });

  it('keeps one fewer where they lie there and are not needed', () => {
    expect(looks(memory(3), 1, 2, 1, 1)).toBe(2);
    expect(looks(memory(3), 1, 2, 0, 1)).toBe(3);
  });

  it('trims more often where a trim returns what the heap has grown by, less often where it returns next to nothing', () => {
    const one = memory();
    expect([16, 15, 2].map((returned) => one.trimmed(4, 16, returned))).toEqual([5, 4, 4]);
    const shifts = Array.from({ length: 17 }, () => one.trimmed(4, 16, 1));
    expect(shifts.map((shift, i) => (shift === 3 ? i + 1 : 0)).filter((at) => at > 0)).toEqual([8, 16]);
  });

  it('never leaves its bounds', () => {
    const event = fc.oneof(
      fc.constantFrom({ made: 1 }, { returned: 1 }),
      fc.record({ looks: fc.integer({ min: 1, max: 9 }), empty: fc.integer({ min: 0, max: 2 }) }),
      fc.record({ trims: fc.integer({ min: 1, max: 20 }), returned: fc.integer({ min: 0, max: 40 }) }),
    );
    const kept = fc.integer({ min: 0, max: 16 });
    fc.assert(
      fc.property(kept, kept, fc.array(event), (least, other, events) => {
        const most = Math.max(least, other);
        const one = memory(least, most);
        let shift = 4;
        for (const what of events) {
          if ('made' in what) one.slabMade(CLASS);
          else if ('looks' in what) for (let i = 0; i < what.looks; i++) one.look(CLASS, what.empty);
          else if ('trims' in what) for (let i = 0; i < what.trims; i++) shift = one.trimmed(shift, 16, what.returned);
          else one.slabReturned(CLASS);
          expect(one.kept[CLASS]).toBeGreaterThanOrEqual(0);
          expect(one.kept[CLASS]).toBeLessThanOrEqual(most);
          expect(shift).toBeGreaterThanOrEqual(3);
          expect(shift).toBeLessThanOrEqual(5);
        }
      }),
      runs(100),
    );
  });
});

describe('with learning on', () => {
  const learning = { maxBytes: 64 << 20, learnCaches: true, learnMemory: true };

  function play(random: Random): { stage: Stage; owner: Actor; other: Actor; turned: number } {
    const stage = new Stage(learning);
    const [owner, other] = [stage.attach(), stage.attach()];
    const { i32 } = stage.region;
    const missesOf = (): number[] => knobsOf(owner).map((_, id) => i32[owner.owner.cache(id) + CacheWord.MISSES]);
    const most = knobsOf(new Stage({ maxBytes: 64 << 20 }).attach());
    let [knobs, misses, turned] = [knobsOf(owner), missesOf(), 0];
    for (const steps = waves(owner, other, random, 20); steps.next().done !== true;) {
      const [knobsNow, missesNow] = [knobsOf(owner), missesOf()];
      for (let id = 1; id <= Classes.COUNT; id++) {
        const isTurned = knobsNow[id].some((value, i) => value !== knobs[id][i]);
        if (isTurned) turned++;
        // Not at a free, not at a malloc that the cache serves, not at another class's refill.
        if (isTurned && missesNow[id] === misses[id]) throw new Error(`class ${id} was turned without a refill`);
        knobsNow[id].slice(0, 3).forEach((value, i) => {
          if (value < 1 || value > most[id][i]) throw new Error(`class ${id} has ${value}, at most ${most[id][i]}`);
        });
      }
      [knobs, misses] = [knobsNow, missesNow];
    }
    return { stage, owner, other, turned };
  }

  it(
    'knobs are turned at the next refill of their class only, within what the options say, and the heap stays whole',
    seeded((random) => {
      const { stage, turned } = play(random);
      expect(turned).toBeGreaterThan(20);
      stage.check();
    }),
  );

  it(
    'a worker that dies takes what it has learned with it, and nothing else',
    seeded((random) => {
      const { stage, owner, other } = play(random);
      reclaimThread(other.owner, owner.thread);
      stage.check();
      const heir = stage.attach();
      expect(heir.owner.slot).toBe(owner.owner.slot);
      expect(knobsOf(heir)).toEqual(knobsOf(new Stage(learning).attach()));
    }),
  );

  it('the stack of a worker that was reclaimed by hand stays closed', () => {
    const stage = new Stage(learning);
    const [survivor, alive] = [stage.attach(), stage.attach()];
    alive.free(alive.malloc(64));
    reclaimWorker(survivor.owner, alive.membership.workerId, 'by hand');
    const cache = alive.owner.cache(CLASS);
    for (let i = 0; i < 40; i++) {
      stage.region.i32[cache + CacheWord.SPILLS]++;
      alive.owner.learning?.atRefill(CLASS, cache);
      expect(stage.region.i32[cache + CacheWord.CAPACITY]).toBe(0);
    }
  });

  it('also if that happens while a learner is about to raise it', () => {
    const { owner } = new Stage(learning).attach();
    const { i32 } = owner.region;
    const cache = owner.cache(CLASS);
    const before = owner.capacity[CLASS];
    const close = (): void => void Atomics.store(i32, cache + CacheWord.CAPACITY, 0);
    const came = interrupted(
      [{ before: 'compareExchange', word: cache + CacheWord.CAPACITY, meanwhile: close }],
      () => {
        for (let i = 0; i < 8; i++) {
          i32[cache + CacheWord.SPILLS]++;
          owner.learning?.atRefill(CLASS, cache);
        }
      },
    );
    expect(came).toBe(1);
    expect(i32[cache + CacheWord.CAPACITY]).toBe(0);
    expect(owner.capacity[CLASS]).toBe(before);
  });

  it('slabs that come and go are kept, those of other classes are not', () => {
    const worker = new Stage({ maxBytes: 64 << 20, learnMemory: true, emptySlabsKept: 0 }).attach();
    for (let wave = 0; wave < 20; wave++)
      for (const block of Array.from({ length: 300 }, () => worker.malloc(4096))) worker.free(block);
    expect(CLASS_BYTES.filter((_, id) => worker.owner.emptySlabsKept[id] > 0)).toEqual(Int32Array.of(4096));
  });

  it('one of the two leaves the knobs of the other alone', () => {
    for (const [only, untouched] of [
      ['learnCaches', 3],
      ['learnMemory', 0],
    ] as const) {
      const stage = new Stage({ maxBytes: 64 << 20, [only]: true });
      const [owner, other] = [stage.attach(), stage.attach()];
      const still = knobsOf(new Stage({ maxBytes: 64 << 20 }).attach()).map((knobs) => knobs[untouched]);
      Array.from(waves(owner, other, new Random(1), 20));
      const now = knobsOf(owner).map((knobs) => knobs[untouched]);
      expect(now.slice(1)).toEqual(still.slice(1));
      if (only === 'learnCaches') expect(owner.owner.trimShift).toBe(4);
    }
  });
});
