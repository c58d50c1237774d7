import { EventWord, replayAlone, type ThreadPlan } from 'sabmalloc/trace';
import { type Allocator, type FullAllocator } from './allocator.js';
import { ArrayChurn } from './arrays.js';
import { Draw } from './draw.js';
import { withAddresses, type AddressEntry, type Entry } from './entry.js';
import { churn, churnBursts, churnMany, CHURN_SLOTS_MAX, drain, fill } from './loops/churn.js';
import { consume, produce, relay, type Ring } from './loops/producer-consumer.js';
import { freeLeftovers, Pace, replay } from './loops/replay.js';
import { tinyHotFifo, tinyHotLifo } from './loops/tiny-hot.js';
import { type Marker, type Marks } from './marker.js';
import { AddressedRecords, PostedRecords } from './records.js';
import { ringOf, tableOf, type Scenario, type Seat } from './scenario.js';
import { type SharedSlots, type Slots } from './slots.js';

/** Larson, and random-mixed: the same churn with the tables staying where they are. */
class Churn<B> implements Scenario {
  readonly opsPerRound: number;
  readonly #draw: Draw;
  readonly #heap: Allocator<B>;
  readonly #marker: Marks<B>;
  readonly #tables: readonly Slots<B>[];
  readonly #seat: Seat;
  #table: Slots<B>;

  constructor(entry: Entry<B>, seat: Seat) {
    const { spec, index } = seat;
    this.#heap = entry.heap;
    this.#seat = seat;
    this.#draw = new Draw(spec, index);
    this.#marker = entry.marksFor(spec);
    this.#tables = Array.from({ length: seat.tableCount }, (_, i) => entry.tableOf(seat, i));
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
    if (this.#table.addresses.length > CHURN_SLOTS_MAX) {
      churnMany(this.#heap, this.#table, this.#draw, this.#marker, pairs);
    } else if (spec.burst === 1) churn(this.#heap, this.#table, this.#draw, this.#marker, pairs);
    else churnBursts(this.#heap, this.#table, this.#draw, this.#marker, pairs, spec.burst);
  }

  settle(): void {}

  finish(): void {
    drain(this.#heap, this.#table, this.#marker);
  }
}

class TinyHot<B> implements Scenario {
  readonly opsPerRound: number;
  readonly #draw: Draw;
  readonly #heap: Allocator<B>;
  readonly #marker: Marks<B>;
  readonly #table: Slots<B>;
  readonly #seat: Seat;
  readonly #laps: number;

  constructor(entry: Entry<B>, seat: Seat) {
    const { spec, index } = seat;
    this.#heap = entry.heap;
    this.#seat = seat;
    this.#draw = new Draw(spec, index);
    this.#marker = entry.marksFor(spec);
    this.#table = entry.tableOf(seat, index);
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
  readonly #heap: Allocator;
  readonly #marker: Marks<number>;
  readonly #ring: Ring;
  readonly #produces: boolean;

  constructor(entry: Entry, seat: Seat) {
    const { spec, index } = seat;
    const pairs = spec.workers / 2;
    const pair = index % pairs;
    this.#heap = entry.heap;
    this.#draw = new Draw(spec, index);
    this.#marker = entry.marksFor(spec);
    this.#ring = ringOf(seat, pair);
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

/** Every worker fills a ring for the next one and frees what comes from the one before. */
class WorkerRing implements Scenario {
  readonly opsPerRound: number;
  readonly #draw: Draw;
  readonly #heap: Allocator;
  readonly #marker: Marks<number>;
  readonly #out: Ring;
  readonly #into: Ring;

  constructor(entry: Entry, seat: Seat) {
    const { spec, index } = seat;
    this.#heap = entry.heap;
    this.#draw = new Draw(spec, index);
    this.#marker = entry.marksFor(spec);
    this.#out = ringOf(seat, index);
    this.#into = ringOf(seat, (index + spec.workers - 1) % spec.workers);
    this.opsPerRound = Math.ceil(spec.ops / 2 / spec.burst) * spec.burst * 2;
  }

  get checksum(): number {
    return this.#draw.checksum;
  }

  prepare(): void {}

  round(): void {
    relay(this.#heap, this.#out, this.#into, this.#draw, this.#marker, this.opsPerRound / 2 / this.#out.batch);
  }

  settle(): void {}

  finish(): void {}
}

class Replay implements Scenario {
  readonly opsPerRound: number;
  readonly #draw: Draw;
  readonly #heap: FullAllocator;
  readonly #marker: Marker;
  readonly #cells: SharedSlots;
  readonly #pace: Pace;
  readonly #plan: ThreadPlan;
  readonly #seat: Seat;

  constructor(entry: AddressEntry, seat: Seat, plan: ThreadPlan) {
    const { spec, index } = seat;
    this.#heap = entry.full;
    this.#seat = seat;
    this.#plan = plan;
    this.#draw = new Draw(spec, index);
    this.#marker = entry.marksFor(spec);
    this.#cells = tableOf(seat, 0);
    this.#pace = new Pace(new Int32Array(seat.words), spec.workers, index);
    this.opsPerRound = plan.events.length / EventWord.WORDS;
  }

  get checksum(): number {
    return this.#draw.checksum;
  }

  prepare(): void {
    this.#pace.begin();
  }

  round(): void {
    const isAlone = this.#seat.spec.workers === 1 && !this.#marker.active;
    const sum = isAlone
      ? replayAlone(this.#heap, this.#plan, this.#cells.addresses)
      : replay(this.#heap, this.#plan, this.#cells, this.#marker, this.#pace);
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

/** Workers allocate for as long as the process lasts in all benches but those of short-lived ones; see `generations.ts`. */
export function scenarioFor(entry: Entry<unknown>, seat: Seat): Scenario {
  switch (seat.spec.bench) {
    case 'larson':
    case 'random-mixed':
      return new Churn(entry, seat);
    case 'tiny-hot':
      return new TinyHot(entry, seat);
    case 'producer-consumer':
      return new ProducerConsumer(withAddresses(entry), seat);
    case 'worker-ring':
      return new WorkerRing(withAddresses(entry), seat);
    case 'arrays':
      return new ArrayChurn(entry, seat);
    case 'records':
      return seat.port === undefined
        ? new AddressedRecords(withAddresses(entry), seat)
        : new PostedRecords(seat, seat.port);
    case 'replay':
      if (seat.plan === undefined) throw new Error('A replay needs a plan.');
      return new Replay(withAddresses(entry), seat, seat.plan);
    case 'short-lived':
      throw new Error('Short-lived workers have no rounds; see generations.ts.');
  }
}
