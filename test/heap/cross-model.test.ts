import fc from 'fast-check';
import { type Heap } from 'sabmalloc';
import { describe, it } from 'vitest';
import { damage } from '../workers/common.mjs';
import { alignments, ranks, sizes } from '../kit/arbitraries.js';
import { BUDGET, longTest } from '../kit/budget.js';
import { aligned, conserved, empty } from '../kit/contracts.js';
import { ensure } from '../kit/errors.js';
import { heapsOfTest, KIB, leave, MIB } from '../kit/heaps.js';
import { Model, type ModelBlock } from '../kit/model.js';
import { runs } from '../kit/random.js';
import { RemoteError, type TestWorker, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

/**
 * Several real workers in lock step: fast-check says who does what, the parent keeps the model. Each step is one call in
 * one worker; what it did must show in every other. Failures shrink and replay, because nothing here depends on timing.
 */
interface Step {
  readonly who: number;
  readonly what: 'malloc' | 'calloc' | 'free' | 'realloc' | 'mallocMany' | 'freeMany' | 'collect' | 'doubleFree';
  readonly rank: number;
  readonly bytes: number;
  readonly alignment: number | undefined;
}

const steps = (agents: number, largest: number): fc.Arbitrary<Step> =>
  fc.record({
    who: fc.nat({ max: agents - 1 }),
    what: fc.constantFrom(
      ...(['malloc', 'malloc', 'malloc', 'calloc', 'free', 'free', 'free', 'realloc', 'realloc'] as const),
      ...(['mallocMany', 'freeMany', 'collect', 'doubleFree'] as const),
    ),
    rank: ranks(),
    bytes: sizes(largest),
    alignment: alignments(),
  });

class Lockstep {
  readonly model = new Model();
  #nextTag = 1;

  constructor(
    readonly heap: Heap,
    readonly agents: readonly TestWorker[],
    readonly tight: boolean,
  ) {}

  async run(step: Step): Promise<void> {
    const agent = this.agents[step.who];
    if (step.what === 'malloc' || step.what === 'calloc') {
      const address = await this.#attempt(agent.heap<number>(step.what, step.bytes, step.alignment));
      if (address !== undefined) {
        aligned(address, step.bytes, step.alignment ?? 8);
        await this.#admit(agent, address, step.bytes);
      }
    } else if (step.what === 'mallocMany') {
      const bytes = Math.min(step.bytes, 4096);
      const list = await this.#attempt(agent.heap<number[]>('mallocMany', bytes, step.rank % 30));
      for (const address of list ?? []) await this.#admit(agent, address, bytes);
    } else if (step.what === 'collect') await agent.heap('collect');
    else if (this.model.size > 0) await this.#onBlock(step, agent);
    conserved(this.heap, this.model);
  }

  async #onBlock({ what, rank, bytes }: Step, agent: TestWorker): Promise<void> {
    const block = this.model.pick(rank);
    if (what === 'realloc') return this.#realloc(agent, block, bytes);
    const some = what === 'freeMany' ? this.model.blocks().slice(0, 1 + (rank % 30)) : [block];
    for (const one of some) await this.#intact(agent, this.model.remove(one.address));
    const addresses = some.map(({ address }) => address);
    if (what === 'freeMany') await agent.heap('freeMany', addresses);
    else await agent.heap('free', block.address);
    if (what === 'doubleFree') await this.#isRefused(this.agents[rank % this.agents.length], block.address);
  }

  async #realloc(agent: TestWorker, block: ModelBlock, bytes: number): Promise<void> {
    const address = await this.#attempt(agent.heap<number>('realloc', block.address, bytes));
    if (address === undefined) return this.#intact(agent, block);
    this.model.remove(block.address);
    await this.#intact(agent, block, Math.min(block.bytes, bytes), address);
    await this.#admit(agent, address, bytes);
  }

  /** The parent's own view and the worker's must both show what was stamped. */
  async #intact(agent: TestWorker, block: ModelBlock, kept = block.bytes, at = block.address): Promise<void> {
    const there = await agent.call<number>('damage', at, kept, block.tag, block.bytes);
    const here = damage(this.heap.u8, at, kept, block.tag, block.bytes);
    ensure(there === -1 && here === -1, () => `block ${JSON.stringify(block)} is damaged at ${there}, seen at ${here}`);
  }

  async #admit(agent: TestWorker, address: number, bytes: number): Promise<void> {
    const tag = this.#nextTag++;
    const usable = await agent.heap<number>('usableSize', address);
    this.model.add({ address, bytes, usable, tag });
    await agent.call('stamp', address, bytes, tag);
  }

  async #isRefused(agent: TestWorker, address: number): Promise<void> {
    const code = await agent.heap('free', address).then(
      () => 'no error',
      (error: unknown) => (error as RemoteError).code,
    );
    const isRight = code === 'ERR_HEAP_DOUBLE_FREE' || code === 'ERR_HEAP_INVALID_FREE';
    ensure(isRight, () => `free of ${address}, free already, gave ${code}`);
  }

  async #attempt<T>(call: Promise<T>): Promise<T | undefined> {
    try {
      return await call;
    } catch (error) {
      if (this.tight && error instanceof RemoteError && error.code === 'ERR_HEAP_OUT_OF_MEMORY') return undefined;
      throw error;
    }
  }

  async finish(): Promise<void> {
    const addresses = this.model.blocks().map(({ address }) => address);
    for (const [i, agent] of this.agents.entries()) {
      await agent.call(
        'freeAll',
        addresses.filter((_, j) => j % this.agents.length === i),
      );
    }
    for (const agent of this.agents) await agent.heap('collect');
    empty(this.heap);
    for (const agent of this.agents) await agent.call('detach');
    this.heap.collect();
    empty(this.heap);
  }
}

describe('several workers in lock step equal the model after every call', () => {
  it.each([
    ['2 workers in a roomy heap', 2, 128 * MIB, 200 * KIB, false],
    ['3 workers in a tight heap', 3, MIB, 60 * KIB, true],
    ['4 workers in a roomy heap', 4, 128 * MIB, 100 * KIB, false],
  ] as const)(
    '%s',
    async (_, count, maxBytes, largest, tight) => {
      const agents = Array.from({ length: count }, () => workers.start('agent'));
      const sequences = fc.array(steps(count, largest), {
        minLength: 10,
        maxLength: BUDGET.crossCommands,
        size: 'max',
      });
      const property = fc.asyncProperty(sequences, async (sequence) => {
        const heap = create({ maxBytes, maxWorkers: 8 });
        try {
          for (const agent of agents) await agent.call('attach', heap.token);
          const lockstep = new Lockstep(heap, agents, tight);
          for (const step of sequence) await lockstep.run(step);
          await lockstep.finish();
        } finally {
          leave(heap);
        }
      });
      await fc.assert(property, runs(BUDGET.crossRuns));
    },
    longTest(90_000),
  );
});
