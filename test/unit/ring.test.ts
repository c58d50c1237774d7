import { afterEach, describe, expect, it } from 'vitest';
import { TraceOp } from '../../src/layout/format.js';
import { TraceEventWord, TraceRingWord } from '../../src/layout/offsets.generated.js';
import { countTraced, drainRing, spillRings } from '../../src/memory/ring.js';
import { Attachment } from '../../src/heap/attachment.js';
import { Stage, type Actor } from './kit.js';
import { interrupted } from './meanwhile.js';

const KEY = Symbol.for('sabmalloc.overrides');
const put = (value: unknown): unknown => Object.assign(globalThis, { [KEY]: value });
afterEach(() => put(undefined));

interface Event {
  readonly number: number;
  readonly op: number;
  readonly address: number;
  readonly bytes: number;
  readonly worker: number;
}

function eventsIn(words: Uint32Array): Event[] {
  return Array.from({ length: words.length / TraceEventWord.WORDS }, (_, i) => {
    const word = (field: TraceEventWord): number => words[i * TraceEventWord.WORDS + field];
    return {
      number: word(TraceEventWord.NUMBER),
      op: word(TraceEventWord.OP),
      address: word(TraceEventWord.ADDRESS),
      bytes: word(TraceEventWord.BYTES),
      worker: word(TraceEventWord.WORKER),
    };
  });
}

function drain({ owner }: Actor): Event[] {
  const events: Event[] = [];
  drainRing(owner.region, owner.slot, (words) => events.push(...eventsIn(words)));
  return events;
}

const CAPACITY = 64;
const stageOf = (): Stage => new Stage({ maxBytes: 16 << 20, profileLevel: 3, traceCapacity: CAPACITY, maxWorkers: 4 });

/** `count` blocks of `bytes` bytes by way of the calls that record. */
function allocate({ membership }: Actor, stage: Stage, count: number, bytes = 32): number[] {
  const attachment = new Attachment(stage.region, membership);
  return Array.from({ length: count }, () => attachment.allocate('malloc', bytes, undefined));
}

describe('a trace ring', () => {
  it('keeps the order of one worker, and numbers order the events of all', () => {
    const stage = stageOf();
    const [one, other] = [stage.attach(), stage.attach()];
    const [block] = allocate(one, stage, 1);
    other.free(block);
    // Brings the block home, and hands it out again.
    const again = allocate(one, stage, 60).indexOf(block);
    const [ours, theirs] = [drain(one), drain(other)];
    expect(ours.map(({ number }) => number)).toEqual([...ours.map(({ number }) => number)].sort((a, b) => a - b));
    expect(theirs).toMatchObject([{ op: TraceOp.FREE, address: block, worker: other.owner.workerId, number: 1 }]);
    expect(ours[0]).toMatchObject({ op: TraceOp.MALLOC, address: block, bytes: 32, number: 0 });
    if (again >= 0) expect(ours[1 + again].number).toBeGreaterThan(1);
    const numbers = [...ours, ...theirs].map(({ number }) => number).sort((a, b) => a - b);
    expect(numbers).toEqual(numbers.map((_, i) => i));
  });

  it('drops and counts what finds it full, and goes on when it was drained', () => {
    const stage = stageOf();
    const actor = stage.attach();
    allocate(actor, stage, CAPACITY + 7);
    expect(countTraced(stage.region)).toEqual({ tracedEvents: CAPACITY, droppedEvents: 7 });
    expect(drain(actor)).toHaveLength(CAPACITY);
    expect(drain(actor)).toEqual([]);
    allocate(actor, stage, 3);
    // The numbers of what was dropped are missing: who reads sees how many events there were.
    expect(drain(actor).map(({ number }) => number)).toEqual([71, 72, 73]);
  });

  it('goes round without mixing events up', () => {
    const stage = stageOf();
    const actor = stage.attach();
    const seen: number[] = [];
    for (let round = 0; round < 20; round++) {
      allocate(actor, stage, 1 + ((round * 7) % CAPACITY));
      seen.push(...drain(actor).map(({ number }) => number));
    }
    expect(seen).toEqual(seen.map((_, i) => i));
  });

  it('is emptied into the sink of the thread when it is full, and loses nothing', () => {
    const stage = stageOf();
    const actor = stage.attach();
    const seen: number[] = [];
    put({
      traced: (heapId: string, words: Uint32Array) => {
        expect(heapId).toBe(stage.region.heapId);
        seen.push(...eventsIn(words).map(({ number }) => number));
      },
    });
    allocate(actor, stage, 1000);
    spillRings(stage.region);
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(countTraced(stage.region).droppedEvents).toBe(0);
  });

  it('of a dead worker is drained by another, and its slot goes on with it', () => {
    const stage = stageOf();
    const [dead, witness] = [stage.attach(), stage.attach()];
    allocate(dead, stage, 5);
    const { region } = witness.owner;
    const found: Event[] = [];
    drainRing(region, dead.owner.slot, (words) => found.push(...eventsIn(words)));
    expect(found.map(({ worker }) => worker)).toEqual(Array(5).fill(dead.owner.workerId));
  });

  it('that two drain at once gives each event to one of them at least', () => {
    const stage = stageOf();
    const actor = stage.attach();
    allocate(actor, stage, 10);
    const [first, second]: Event[][] = [[], []];
    drainRing(stage.region, actor.owner.slot, (words) => {
      first.push(...eventsIn(words));
      second.push(...drain(actor));
      allocate(actor, stage, 4);
    });
    const rest = drain(actor);
    const numbers = new Set([...first, ...second, ...rest].map(({ number }) => number));
    expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: 14 }, (_, i) => i));
  });

  it('is taken back by nobody who drains it late', () => {
    const stage = stageOf();
    const actor = stage.attach();
    allocate(actor, stage, 10);
    drainRing(stage.region, actor.owner.slot, () => {
      drain(actor);
      allocate(actor, stage, 4);
      expect(drain(actor)).toHaveLength(4);
    });
    expect(drain(actor)).toEqual([]);
  });

  it('gives nothing to who copied it while another drained it and its worker wrote on', () => {
    const stage = stageOf();
    const actor = stage.attach();
    allocate(actor, stage, 10);
    const word = stage.region.ringWord(actor.owner.slot) + TraceRingWord.X_DRAINED;
    const before = 'load';
    const others: Event[] = [];
    const late = (): void => {
      others.push(...drain(actor));
      allocate(actor, stage, CAPACITY);
    };
    let mine: Event[] = [];
    const came = interrupted(
      [
        { before, word, meanwhile: () => undefined },
        { before, word, meanwhile: late },
      ],
      () => (mine = drain(actor)),
    );
    expect([came, mine, others.length]).toEqual([2, [], 10]);
    expect(drain(actor)).toHaveLength(CAPACITY);
  });

  it('has the whole event before it says that it is there', () => {
    const stage = stageOf();
    const actor = stage.attach();
    const ring = stage.region.ringWord(actor.owner.slot);
    const first = ring + TraceRingWord.WORDS;
    let [block, seen]: [number, readonly number[]] = [0, []];
    const look = (): void => {
      const fields = [TraceEventWord.OP, TraceEventWord.ADDRESS, TraceEventWord.BYTES, TraceEventWord.WORKER];
      seen = fields.map((field) => stage.region.i32[first + field]);
    };
    interrupted([{ before: 'store', word: ring + TraceRingWord.X_WRITTEN, meanwhile: look }], () => {
      [block] = allocate(actor, stage, 1);
    });
    expect(seen).toEqual([TraceOp.MALLOC, block, 32, actor.owner.workerId]);
  });

  it('is not there below profileLevel 3, and small in a small region', () => {
    expect(new Stage({ maxBytes: 16 << 20, profileLevel: 2 }).region.ringEvents).toBe(0);
    const small = new Stage({ maxBytes: 1 << 20, maxWorkers: 16, profileLevel: 3 }).region;
    expect(small.ringEvents * 24 * 16).toBeLessThanOrEqual((1 << 20) / 16);
    expect(small.ringEvents).toBeGreaterThan(8);
  });
});
