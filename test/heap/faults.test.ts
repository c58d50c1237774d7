import { type Heap, HeapError } from 'sabmalloc';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Geometry } from '../../src/layout/geometry.js';
import { conserved, empty } from '../kit/contracts.js';
import { ensure, refused } from '../kit/errors.js';
import { freeAll, heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { type Growth, Supply } from '../misuse/supply.js';
import { type Step, STEPS, World } from '../misuse/thirst.js';

type Backing = 'growable' | 'wasm';

let supply: Supply;
const worlds: World[] = [];
beforeEach(() => {
  supply = new Supply();
});
afterEach(() => {
  for (const world of worlds.splice(0)) world.leave();
  vi.restoreAllMocks();
});

function open(backing: Backing): World {
  const world = new World(supply, backing);
  worlds.push(world);
  supply.growths = 0;
  return world;
}

/** What a step costs in growths and in memory, if nothing is refused. */
interface Cost {
  readonly growths: number;
  /** Bytes of the memory just after it. */
  readonly bytes: number;
}

/** Makes one call; false if it was refused, and that as it must be. */
function attempt({ name, call }: Step, world: World): boolean {
  try {
    return call(world);
  } catch (error) {
    const isRight = error instanceof HeapError && error.code === 'ERR_HEAP_OUT_OF_MEMORY';
    ensure(isRight && error.message.includes('maxBytes'), () => `${name}: ${String(error)}`);
    return false;
  }
}

function perform(step: Step, world: World): void {
  if (step.isThirsty) world.toTheBrink();
  ensure(attempt(step, world), () => `${step.name} was refused, though there is memory`);
}

function measure(backing: Backing): Cost[] {
  const world = open(backing);
  const costs = STEPS.map((step) => {
    const before = supply.growths;
    perform(step, world);
    return { growths: supply.growths - before, bytes: world.heap.stats().reservedBytes };
  });
  finish(world);
  return costs;
}

/** All there is to see of a heap that a refused call must leave as it was. */
function portrait({ heap, model }: World): {
  readonly shown: unknown;
  readonly blockBytes: number;
  readonly tableBytes: number;
} {
  conserved(heap, model);
  const { liveBlocks, liveBytes, committedBytes, metadataBytes, workers } = heap.stats();
  const ids = workers.map(({ workerId, state }) => [workerId, state]);
  return {
    shown: { liveBlocks, liveBytes, ids, blocks: [...heap.blocks()] },
    blockBytes: committedBytes - metadataBytes,
    tableBytes: metadataBytes,
  };
}

/** A call that is refused leaves no trace but tables for what the region grew by before the refusal. */
function isRefused(step: Step, world: World): void {
  if (step.isThirsty) world.toTheBrink();
  const before = portrait(world);
  const { reservedBytes } = world.heap.stats();
  ensure(!attempt(step, world), () => `${step.name} was not refused`);
  world.heap.collect();
  const after = portrait(world);
  expect(after.shown).toEqual(before.shown);
  expect(after.blockBytes, step.name).toBeLessThanOrEqual(before.blockBytes);
  const grown = world.heap.stats().reservedBytes - reservedBytes;
  expect(after.tableBytes, step.name).toBeLessThanOrEqual(before.tableBytes + 0.03 * grown);
  world.isUndamaged();
}

/** Everything is where it was, can be freed, and is then gone. */
function finish(world: World): void {
  const { heap, model, other } = world;
  conserved(heap, model);
  world.isUndamaged();
  other?.detach();
  freeAll(
    heap,
    model.blocks().map(({ address }) => address),
  );
  heap.collect();
  empty(heap);
  const { committedBytes, metadataBytes } = heap.stats();
  expect(committedBytes).toBe(metadataBytes);
}

/** The program, with a rule that one step must fall foul of. Then the fault is lifted, and everything goes on. */
function failsOnce(backing: Backing, culprit: number, rule: (growth: Growth) => boolean): void {
  const world = open(backing);
  supply.rule = rule;
  for (const [i, step] of STEPS.entries()) {
    if (i === culprit) {
      isRefused(step, world);
      supply.rule = () => false;
      ensure(attempt(step, world), () => `${step.name} is refused still`);
    } else perform(step, world);
  }
  finish(world);
}

const total = (costs: readonly Cost[]): number => costs.reduce((sum, { growths }) => sum + growths, 0);

/** The step in which the k-th growth falls. */
function stepOfGrowth(costs: readonly Cost[], k: number): number {
  let seen = 0;
  return costs.findIndex(({ growths }) => (seen += growths) >= k);
}

const SEGMENT: number = Geometry.SEGMENT_BYTES;
const upTo = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe.each(['growable', 'wasm'] as const)('a region of backing %s', (backing) => {
  it('grows at every line of the program, and more than once in one call', () => {
    const costs = measure(backing);
    const grown = new Set(STEPS.filter((_, i) => costs[i].growths > 0).map(({ name }) => name));
    expect(grown).toEqual(new Set(STEPS.map(({ name }) => name)));
    expect(Math.max(...costs.map(({ growths }) => growths))).toBeGreaterThan(1);
  });

  it('that is refused its k-th growth refuses that call, is as before, and goes on when it may grow', () => {
    const costs = measure(backing);
    for (const k of upTo(1, total(costs))) failsOnce(backing, stepOfGrowth(costs, k), ({ number }) => number >= k);
  });

  it('that is refused its k-th segment does the same', () => {
    const costs = measure(backing);
    const [{ bytes: first }, { bytes: last }] = [costs[0], costs.at(-1)!];
    for (const k of upTo(first / SEGMENT, last / SEGMENT)) {
      const isNeeded = ({ bytes }: { readonly bytes: number }): boolean => bytes > (k - 1) * SEGMENT;
      failsOnce(backing, costs.findIndex(isNeeded), isNeeded);
    }
  });
});

describe('a region', () => {
  it('that is refused a whole segment at its k-th growth takes what it needs', () => {
    for (const k of upTo(1, total(measure('growable')))) {
      const world = open('growable');
      supply.rule = ({ number, isSecondTry }) => number === k && !isSecondTry;
      for (const step of STEPS) perform(step, world);
      expect(supply.refused).toBeGreaterThan(0);
      finish(world);
    }
  });

  it('that is never granted a whole segment grows by what it needs', () => {
    const world = open('growable');
    supply.rule = ({ isSecondTry }) => !isSecondTry;
    for (const step of STEPS) perform(step, world);
    finish(world);
  });

  it('that is refused every growth from the k-th on makes up for all of them when it may grow', () => {
    for (const k of upTo(1, total(measure('growable')))) {
      const world = open('growable');
      supply.rule = ({ number }) => number >= k;
      const missed = STEPS.filter((step) => {
        if (step.isThirsty) world.toTheBrink();
        return !attempt(step, world);
      });
      expect(missed.length).toBeGreaterThan(0);
      conserved(world.heap, world.model);
      world.isUndamaged();
      supply.rule = () => false;
      for (const step of missed) ensure(attempt(step, world), () => `${step.name} is refused still`);
      finish(world);
    }
  });
});

type Kind = 'growable' | 'wasm' | 'fixed';

/** The runtime refuses to make memory of these kinds. */
function scarce(...kinds: readonly Kind[]): void {
  const refusing = <Class extends object>(target: Class, kindOf: (args: readonly unknown[]) => Kind): Class =>
    new Proxy(target, {
      construct(constructor, args): object {
        if (kinds.includes(kindOf(args))) throw new RangeError('this memory is refused by the test');
        return Reflect.construct(constructor as unknown as new () => object, args);
      },
    });
  const Memory = refusing(WebAssembly.Memory, () => 'wasm');
  vi.stubGlobal(
    'SharedArrayBuffer',
    refusing(SharedArrayBuffer, ([, options]) => (options === undefined ? 'fixed' : 'growable')),
  );
  vi.stubGlobal('WebAssembly', Object.create(WebAssembly, { Memory: { value: Memory } }));
}

const kindOf = ({ token: { memory } }: Heap): Kind => {
  if (memory instanceof WebAssembly.Memory) return 'wasm';
  return memory.growable ? 'growable' : 'fixed';
};

const KINDS = ['growable', 'wasm', 'fixed'] as const;

describe('Heap.create', () => {
  const create = heapsOfTest();
  afterEach(() => vi.unstubAllGlobals());

  it.each(KINDS)('that is refused memory of backing %s says so, and works when it is granted', (backing) => {
    scarce(backing);
    const error = refused('ERR_HEAP_CONFIG', () => create({ backing, maxBytes: 8 * MIB }));
    for (const part of [backing, 'maxBytes', String(8 * MIB), 'lower maxBytes', 'refused by the test'])
      expect(error.message).toContain(part);
    vi.unstubAllGlobals();
    expect(kindOf(create({ backing, maxBytes: 8 * MIB }))).toBe(backing);
  });

  it.each([
    [[], 'growable'],
    [['growable'], 'wasm'],
    [['growable', 'wasm'], 'fixed'],
    [['wasm'], 'growable'],
  ] as const)('takes the next kind of memory where the runtime refuses %j', (kinds, next) => {
    scarce(...kinds);
    const heap = create({ maxBytes: 8 * MIB });
    expect(kindOf(heap)).toBe(next);
    heap.free(heap.malloc(6 * MIB));
    empty(heap);
  });

  it('that is refused every kind of memory says so', () => {
    scarce(...KINDS);
    refused('ERR_HEAP_CONFIG', () => create());
  });

  it('that may not grow memory of the caller to its tables has written nothing, and works when it may', () => {
    const memory = new SharedArrayBuffer(64 * KIB, { maxByteLength: 8 * MIB });
    supply.rule = () => true;
    refused('ERR_HEAP_CONFIG', () => create({ memory }));
    expect(new Uint8Array(memory).every((byte) => byte === 0)).toBe(true);
    supply.rule = () => false;
    empty(create({ memory }));
  });

  it('that may not grow memory of the caller to its control block leaves no heap behind, and works when it may', () => {
    const codes = new Set<string>();
    for (let bytes = 64 * KIB; bytes <= 400 * KIB; bytes += 16 * KIB) {
      const memory = new SharedArrayBuffer(bytes, { maxByteLength: 8 * MIB });
      supply.rule = () => true;
      try {
        create({ memory });
      } catch (error) {
        codes.add((error as HeapError).code);
        supply.rule = () => false;
        empty(create({ memory }));
      }
    }
    expect(codes).toEqual(new Set(['ERR_HEAP_CONFIG', 'ERR_HEAP_OUT_OF_MEMORY']));
  });
});
