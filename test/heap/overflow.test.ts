import { type Heap } from 'sabmalloc';
import { describe, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { empty, walk } from '../kit/contracts.js';
import { ensure } from '../kit/errors.js';
import { freeAll, heapsOfTest, leave, MIB } from '../kit/heaps.js';
import { Random, SEED, seeded } from '../kit/random.js';

const create = heapsOfTest();

/** A program that recurses until the stack is used up, and works with the heap on its way back: some calls get through. */
class Diver {
  overflows = 0;
  #done = 0;

  constructor(
    readonly heap: Heap,
    readonly random: Random,
    readonly acts: number,
    readonly held = new Set<number>(),
  ) {}

  dive(): void {
    try {
      this.dive();
    } catch (error) {
      this.#forgive(error);
    }
    if (this.#done >= this.acts) return;
    try {
      this.#act();
      this.#done++;
    } catch (error) {
      this.#forgive(error);
    }
  }

  #forgive(error: unknown): void {
    if (!(error instanceof RangeError)) throw error;
    this.overflows++;
  }

  #act(): void {
    const { heap, held, random } = this;
    const choice = random.int(0, 9);
    if (choice < 6 || held.size === 0) {
      const address = heap.tryMalloc(random.size(0, 60_000));
      if (address !== 0) held.add(address);
    } else if (choice < 9) {
      const [address] = held;
      heap.free(address);
      held.delete(address);
    } else heap.collect();
  }
}

describe('a stack that overflows inside a call', () => {
  it(
    'costs at most the block that the call was about',
    seeded(() => {
      for (let i = 0; i < BUDGET.overflows; i++) {
        const heap = create({ maxBytes: 8 * MIB });
        // The region grows once; what describes the grown part stays committed.
        heap.free(heap.malloc(7 * MIB));
        heap.collect();
        const { committedBytes } = heap.stats();
        const diver = new Diver(heap, new Random(SEED + i), 80);
        diver.dive();
        heap.check();
        const live = [...walk(heap).keys()];
        const lost = live.filter((address) => !diver.held.has(address)).length;
        const gone = [...diver.held].filter((address) => !live.includes(address)).length;
        ensure(
          lost + gone <= diver.overflows,
          () => `${lost} blocks lost and ${gone} gone in ${diver.overflows} overflows`,
        );
        freeAll(heap, live);
        heap.collect();
        empty(heap);
        ensure(heap.stats().committedBytes === committedBytes, () => 'slices are lost');
        leave(heap);
      }
    }),
    longTest(60_000),
  );

  it(
    'is mended by the next look at the books, even if all calls in between took the fast path',
    seeded((random) => {
      const heap = create({ maxBytes: 64 * MIB });
      const held = new Set<number>();
      for (let i = 0; i < BUDGET.overflows * 5; i++) {
        new Diver(heap, random, 2, held).dive();
        heap.check();
      }
    }),
    longTest(60_000),
  );
});
