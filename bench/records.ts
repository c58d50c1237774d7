import { type MessagePort } from 'node:worker_threads';
import { type Allocator, type Memory } from './allocator.js';
import { type AddressEntry } from './entry.js';
import { type Ring } from './loops/producer-consumer.js';
import {
  layoutOf,
  postRecords,
  receiveAddresses,
  receiveRecords,
  sendAddresses,
  type Layout,
} from './loops/records.js';
import { ringOf, type Scenario, type Seat } from './scenario.js';

/** The first worker makes records, the second one reads them and lets them go. */
abstract class Records implements Scenario {
  readonly opsPerRound: number;
  protected readonly sends: boolean;
  protected readonly ring: Ring;
  protected readonly layout: Layout;
  protected readonly batches: number;
  /** What the next record begins with. */
  protected next = 0;
  /** Of the words read. */
  protected sum = 0;

  constructor(seat: Seat) {
    const { spec } = seat;
    this.sends = seat.index === 0;
    this.ring = ringOf(seat, 0);
    this.layout = layoutOf(spec.sizeMin);
    this.batches = Math.ceil(spec.ops / spec.burst);
    this.opsPerRound = this.batches * spec.burst;
  }

  get checksum(): number {
    return (this.sends ? this.next : this.sum % 2 ** 32) >>> 0;
  }

  abstract round(): void | Promise<void>;

  prepare(): void {}

  settle(): void {}

  finish(): void {}
}

/** By address, in memory that both share. */
export class AddressedRecords extends Records {
  readonly #heap: Allocator & Memory;

  constructor(entry: AddressEntry, seat: Seat) {
    super(seat);
    this.#heap = entry.heap;
  }

  override round(): void {
    if (this.sends) this.next = sendAddresses(this.#heap, this.ring, this.layout, this.batches, this.next);
    else this.sum += receiveAddresses(this.#heap, this.ring, this.layout, this.batches);
  }
}

/** As messages: copied, or their buffers transferred. */
export class PostedRecords extends Records {
  readonly #port: MessagePort;
  readonly #transfer: boolean;

  constructor(seat: Seat, port: MessagePort) {
    super(seat);
    this.#port = port;
    this.#transfer = seat.spec.allocator === 'transfer';
  }

  override async round(): Promise<void> {
    const { ring, layout, batches } = this;
    if (this.sends) this.next = postRecords(this.#port, this.#transfer, ring, layout, batches, this.next);
    else this.sum += await receiveRecords(this.#port, ring, layout, batches);
  }

  override finish(): void {
    this.#port.close();
  }
}
