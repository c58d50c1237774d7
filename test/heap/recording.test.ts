import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Heap } from 'sabmalloc';
import {
  decodeTrace,
  encodeTrace,
  planReplay,
  readTraceFile,
  recordingOf,
  replayAlone,
  writeTraceFile,
} from 'sabmalloc/trace';
import { afterAll, describe, expect, it } from 'vitest';
import { TraceOp } from '../../src/layout/format.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { type Random, seeded } from '../kit/random.js';
import { workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();
const place = mkdtempSync(join(tmpdir(), 'sabmalloc-trace-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const traced = (): Heap => create({ maxBytes: 64 * MIB, maxWorkers: 4, profileLevel: 3, traceCapacity: 100_000 });

/** What a program holds: sizes asked for, by address, and the most of it there was. */
class Model {
  readonly live = new Map<number, number>();
  peakBytes = 0;
  peakBlocks = 0;

  put(address: number, bytes: number): void {
    this.live.set(address, bytes);
    this.peakBytes = Math.max(
      this.peakBytes,
      [...this.live.values()].reduce((sum, each) => sum + each, 0),
    );
    this.peakBlocks = Math.max(this.peakBlocks, this.live.size);
  }

  any(random: Random): number {
    return [...this.live.keys()][random.int(0, this.live.size - 1)];
  }
}

/** Every kind of call; returns how many events they are. */
function wander(heap: Heap, model: Model, random: Random, calls: number): number {
  let events = 0;
  for (let i = 0; i < calls; i++) {
    const bytes = random.size(0, 70_000);
    const kind = model.live.size === 0 ? 0 : random.int(0, 7);
    events++;
    if (kind <= 1) model.put(heap.malloc(bytes), bytes);
    else if (kind === 2) model.put(heap.calloc(bytes), bytes);
    else if (kind === 3) model.put(heap.malloc(bytes, 256), bytes);
    else if (kind === 4) model.put(heap.addressOf(heap.alloc(Uint8Array, bytes)), bytes);
    else {
      const address = model.any(random);
      if (kind === 5) {
        const moved = heap.realloc(address, bytes);
        model.live.delete(address);
        model.put(moved, bytes);
      } else {
        heap.free(address);
        model.live.delete(address);
      }
    }
  }
  return events;
}

/** Sizes that a trace leaves live. */
function leftBy(trace: ReturnType<typeof decodeTrace>): number[] {
  const plan = planReplay(trace, true);
  const sizes = new Map<number, number>();
  const free: number[] = [];
  let next = 0;
  for (let event = 0; event < trace.events; event++) {
    const op = trace.ops[event] & 7;
    if (op === TraceOp.FREE) {
      sizes.delete(trace.slotOf[event]);
      free.push(trace.slotOf[event]);
    } else sizes.set(op === TraceOp.REALLOC ? trace.slotOf[event] : (free.pop() ?? next++), trace.sizes[event]);
  }
  expect(plan.threads[0].leftovers).toHaveLength(sizes.size);
  return [...sizes.values()].sort((a, b) => a - b);
}

const sorted = (values: Iterable<number>): number[] => [...values].sort((a, b) => a - b);

describe('a recording', () => {
  it(
    'written, read and replayed leaves what the program left, and had its peak',
    seeded((random) => {
      const heap = traced();
      const model = new Model();
      const events = wander(heap, model, random, 1500);
      const recording = recordingOf([heap.drainTrace()]);
      expect(recording).toMatchObject({ workers: 1, lostEvents: 0, unknownBlocks: 0, impliedFrees: 0 });
      const path = join(place, 'whole.bin.gz');
      writeTraceFile(path, recording.trace);
      const trace = readTraceFile(path);
      expect(trace).toMatchObject({ events, peakLiveBytes: model.peakBytes, peakLiveBlocks: model.peakBlocks });
      expect(leftBy(trace)).toEqual(sorted(model.live.values()));
      const other = create({ maxBytes: 64 * MIB });
      const plan = planReplay(trace, true);
      replayAlone(other, plan.threads[0], new Uint32Array(plan.cells));
      expect(other.stats().liveBlocks).toBe(model.live.size);
      expect(sorted([...other.blocks()].map(({ size }) => size))).toEqual(
        sorted([...model.live.keys()].map((address) => heap.usableSize(address))),
      );
    }),
  );

  it('of several workers, one of them killed, has everything in order', async () => {
    const heap = traced();
    const [one, other] = await workers.agents(heap, 2);
    for (let round = 0; round < 20; round++) {
      const blocks = await one.heap<number[]>('mallocMany', 100 + round, 30);
      await other.call('freeAll', blocks);
    }
    await other.heap('mallocMany', 500, 7);
    await other.kill();
    const { trace, workers: count, ...gaps } = recordingOf([heap.drainTrace()]);
    expect(gaps).toEqual({ lostEvents: 0, unknownBlocks: 0, impliedFrees: 0 });
    expect(count).toBe(2);
    expect(trace.events).toBe(20 * 60 + 7);
    expect(leftBy(decodeTrace(encodeTrace(trace), 'it'))).toEqual(Array(7).fill(500));
  });

  it(
    'made of some of the events in any order, some twice, is a trace all the same',
    seeded((random) => {
      const heap = traced();
      wander(heap, new Model(), random, 1000);
      const words = heap.drainTrace();
      const kept = Array.from({ length: words.length / 6 }, (_, i) => words.subarray(6 * i, 6 * i + 6)).filter(
        () => !random.oneIn(10),
      );
      const torn = words.subarray(0, 4);
      const parts = random.shuffle([torn, ...kept, ...kept.filter(() => random.oneIn(3))]);
      const { trace, lostEvents } = recordingOf(parts);
      const numbers = kept.map(([number]) => number);
      expect(lostEvents).toBe(numbers.at(-1)! - numbers[0] + 1 - numbers.length);
      expect(lostEvents).toBeGreaterThan(0);
      expect(decodeTrace(encodeTrace(trace), 'it')).toMatchObject({ events: trace.events });
    }),
  );

  it('has a realloc that moves as one event, and a move that fails as none', () => {
    const heap = traced();
    const block = heap.malloc(100);
    const moved = heap.realloc(block, 5000);
    expect(() => heap.realloc(moved, 2 ** 40)).toThrow('no room');
    heap.free(heap.resize(heap.view(Uint8Array, moved, 5000), 100_000));
    expect(() => heap.free(block)).toThrow();
    const { trace } = recordingOf([heap.drainTrace()]);
    const ops = Array.from(trace.ops, (op) => op & 7);
    expect(ops).toEqual([TraceOp.MALLOC, TraceOp.REALLOC, TraceOp.REALLOC, TraceOp.FREE]);
    expect([...trace.sizes]).toEqual([100, 5000, 100_000, 0]);
  });

  it('of nothing is empty', () => {
    expect(create().drainTrace()).toHaveLength(0);
    expect(recordingOf([]).trace).toMatchObject({ events: 0, threads: 0, slots: 0 });
  });
});

describe('a trace file is refused', () => {
  const recording = (): ReturnType<typeof recordingOf>['trace'] => {
    const heap = traced();
    heap.free(heap.malloc(100));
    return recordingOf([heap.drainTrace()]).trace;
  };
  const file = (bytes: Uint8Array): string => {
    const path = join(place, 'bad.bin.gz');
    writeFileSync(path, bytes);
    return path;
  };

  it('that is not packed, no trace, cut short, or frees what is not there', () => {
    const good = encodeTrace(recording());
    expect(() => readTraceFile(file(good))).toThrow(/bad\.bin\.gz is no trace: it can't be unpacked/);
    expect(() => readTraceFile(file(gzipSync('MTR2 and more, and more, and more')))).toThrow(
      /does not begin with MTR1/,
    );
    expect(() => readTraceFile(file(gzipSync(good.subarray(0, -1))))).toThrow(
      /is cut short: 51 bytes, but 2 events take 52/,
    );
    const twice = good.slice();
    twice.copyWithin(32, 34, 36);
    expect(() => readTraceFile(file(gzipSync(twice)))).toThrow(/is damaged: event 0 has operation 5 on slot 0/);
    expect(readTraceFile(file(gzipSync(good))).events).toBe(2);
  });
});
