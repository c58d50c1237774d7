import { type Heap } from 'sabmalloc';
import { Draw } from './draw.js';
import { churn, churnBursts, drain, fill } from './loops/churn.js';
import { consume, produce, Ring } from './loops/producer-consumer.js';
import { freeLeftovers, Pace, replay } from './loops/replay.js';
import { tinyHotFifo, tinyHotLifo } from './loops/tiny-hot.js';
import { Marker } from './marker.js';
import { type ThreadPlan } from './replay-plan.js';
import { slotsAt, type Slots } from './slots.js';
import { type Spec } from './spec.js';

/** What a worker is given besides the heap. */
export interface Seat {
  readonly spec: Spec;
  readonly index: number;
  /** Tables of addresses; see `slots.ts`. */
  readonly tables: SharedArrayBuffer;
  readonly tableCount: number;
  readonly tableSlots: number;
  /** Ring counters of producer-consumer, progress of replay. */
  readonly words: SharedArrayBuffer;
  readonly plan?: ThreadPlan;
  readonly mailboxes: number;
}

/** One worker's part of a bench. Only `round` is measured; all workers are through it before any of them settles. */
export interface Scenario {
  readonly opsPerRound: number;
  readonly checksum: number;
  prepare(): void;
  round(round: number): void;
  settle(): void;
  finish(): void;
}

/** Larson, and random-mixed: the same churn with the tables staying where they are. */
class Churn implements Scenario {
  readonly opsPerRound: number;
  readonly #draw: Draw;
  readonly #heap: Heap;
  readonly #marker: Marker;
  readonly #tables: readonly Slots[];
  readonly #seat: Seat;
  #table: Slots;

  constructor(heap: Heap, seat: Seat) {
    const { spec, index } = seat;
    this.#heap = heap;
    this.#seat = seat;
    this.#draw = new Draw(spec, index);
    this.#marker = new Marker(heap, spec);
    this.#tables = Array.from({ length: seat.tableCount }, (_, i) => tableOf(seat, i));
    this.#table = this.#tables[index];
    this.opsPerRound = Math.ceil(spec.ops / 2 / spec.burst) * spec.burst * 2;
  }

  get checksum(): number {
    return this.#draw.checksum;
  }

  prepare(): void {
    fill(this.#heap, this.#table, this.#draw, this.#marker);
  }

  round(round: number): void {
    const { spec, index } = this.#seat;
    // Larson's point: each round frees what the next worker allocated in the last one.
    if (spec.bench === 'larson') this.#table = this.#tables[(index + round) % spec.workers];
    const pairs = this.opsPerRound / 2;
    if (spec.burst === 1) churn(this.#heap, this.#table, this.#draw, this.#marker, pairs);
    else churnBursts(this.#heap, this.#table, this.#draw, this.#marker, pairs, spec.burst);
  }

  settle(): void {}

  finish(): void {
    drain(this.#heap, this.#table, this.#marker);
  }
}

class TinyHot implements Scenario {
  readonly opsPerRound: number;
  readonly #draw: Draw;
  readonly #heap: Heap;
  readonly #marker: Marker;
  readonly #table: Slots;
  readonly #seat: Seat;
  readonly #laps: number;

  constructor(heap: Heap, seat: Seat) {
    const { spec, index } = seat;
    this.#heap = heap;
    this.#seat = seat;
    this.#draw = new Draw(spec, index);
    this.#marker = new Marker(heap, spec);
    this.#table = tableOf(seat, index);
    this.#laps = Math.ceil(spec.ops / 2 / spec.slots);
    this.opsPerRound = this.#laps * spec.slots * 2;
  }

  get checksum(): number {
    return this.#draw.checksum;
  }

  prepare(): void {}

  round(): void {
    const { sizeMin, orders } = this.#seat.spec;
    const loop = orders[0] === 'lifo' ? tinyHotLifo : tinyHotFifo;
    loop(this.#heap, this.#table, this.#marker, sizeMin, this.#laps);
    this.#draw.sum = (this.#draw.sum + Math.imul(sizeMin, this.opsPerRound / 2)) | 0;
  }

  settle(): void {}

  finish(): void {}
}

/** The first half of the workers produces, the second half consumes; worker i feeds worker i + half. */
class ProducerConsumer implements Scenario {
  readonly opsPerRound: number;
  readonly #draw: Draw;
  readonly #heap: Heap;
  readonly #marker: Marker;
  readonly #ring: Ring;
  readonly #produces: boolean;

  constructor(heap: Heap, seat: Seat) {
    const { spec, index } = seat;
    const pairs = spec.workers / 2;
    const pair = index % pairs;
    this.#heap = heap;
    this.#draw = new Draw(spec, index);
    this.#marker = new Marker(heap, spec);
    const counters = new Int32Array(seat.words, pair * Ring.COUNTER_BYTES, Ring.COUNTER_BYTES / 4);
    this.#ring = new Ring(tableOf(seat, pair), counters, spec.burst);
    this.#produces = index < pairs;
    this.opsPerRound = Math.ceil(spec.ops / spec.burst) * spec.burst;
  }

  get checksum(): number {
    return this.#draw.checksum;
  }

  prepare(): void {}

  round(): void {
    const batches = this.opsPerRound / this.#ring.batch;
    if (this.#produces) produce(this.#heap, this.#ring, this.#draw, this.#marker, batches);
    else consume(this.#heap, this.#ring, this.#marker, batches);
  }

  settle(): void {}

  finish(): void {}
}

class Replay implements Scenario {
  readonly opsPerRound: number;
  readonly #draw: Draw;
  readonly #heap: Heap;
  readonly #marker: Marker;
  readonly #cells: Slots;
  readonly #pace: Pace;
  readonly #plan: ThreadPlan;
  readonly #seat: Seat;

  constructor(heap: Heap, seat: Seat, plan: ThreadPlan) {
    const { spec, index } = seat;
    this.#heap = heap;
    this.#seat = seat;
    this.#plan = plan;
    this.#draw = new Draw(spec, index);
    this.#marker = new Marker(heap, spec);
    this.#cells = tableOf(seat, 0);
    this.#pace = new Pace(new Int32Array(seat.words), spec.workers, index);
    this.opsPerRound = plan.ops.length;
  }

  get checksum(): number {
    return this.#draw.checksum;
  }

  prepare(): void {
    this.#pace.begin();
  }

  round(): void {
    const sum = replay(this.#heap, this.#plan, this.#cells, this.#marker, this.#pace);
    this.#pace.end();
    this.#draw.sum = (this.#draw.sum + sum) | 0;
  }

  settle(): void {
    freeLeftovers(this.#heap, this.#plan, this.#cells, this.#marker);
    if (this.#seat.index === 0) this.#cells.addresses.fill(0, 0, this.#seat.mailboxes);
    this.#pace.begin();
  }

  finish(): void {}
}

const tableOf = (seat: Seat, index: number): Slots => slotsAt(seat.tables, seat.tableCount, seat.tableSlots, index);

export function scenarioFor(heap: Heap, seat: Seat): Scenario {
  switch (seat.spec.bench) {
    case 'larson':
    case 'random-mixed':
      return new Churn(heap, seat);
    case 'tiny-hot':
      return new TinyHot(heap, seat);
    case 'producer-consumer':
      return new ProducerConsumer(heap, seat);
    case 'replay':
      if (seat.plan === undefined) throw new Error('A replay needs a plan.');
      return new Replay(heap, seat, seat.plan);
  }
}
