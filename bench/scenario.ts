import { type ThreadPlan } from 'sabmalloc/trace';
import { type MessagePort } from 'node:worker_threads';
import { Ring } from './loops/producer-consumer.js';
import { slotsAt, type SharedSlots } from './slots.js';
import { type Spec } from './spec.js';

/** What a worker is given besides the allocator. */
export interface Seat {
  readonly spec: Spec;
  readonly index: number;
  /** Tables of addresses; see `slots.ts`. */
  readonly tables: SharedArrayBuffer;
  readonly tableCount: number;
  readonly tableSlots: number;
  /** Counters of rings, progress of replay. */
  readonly words: SharedArrayBuffer;
  readonly plan?: ThreadPlan;
  readonly mailboxes: number;
  /** Of records that go as messages: to the other worker. */
  readonly port?: MessagePort;
}

/** One worker's part of a bench. Only `round` is measured; all workers are through it before any of them settles. */
export interface Scenario {
  readonly opsPerRound: number;
  readonly checksum: number;
  prepare(): void;
  round(round: number): void | Promise<void>;
  settle(): void;
  finish(): void;
}

export const tableOf = (seat: Seat, index: number): SharedSlots =>
  slotsAt(seat.tables, seat.tableCount, seat.tableSlots, index);

export function ringOf(seat: Seat, index: number): Ring {
  const counters = new Int32Array(seat.words, index * Ring.COUNTER_BYTES, Ring.COUNTER_BYTES / 4);
  return new Ring(tableOf(seat, index), counters, seat.spec.burst);
}
