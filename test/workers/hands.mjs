// What the workers of a storm do with the heap: every call there is, with every block on the worker's page of the ledger.
import { damage, nonZero, stamp } from './common.mjs';
import { Phase } from './ledger.mjs';

const TYPES = [Uint8Array, Int16Array, Uint32Array, Float32Array, Float64Array, BigInt64Array];

/** A wrong answer of the heap. */
function ensure(condition, message) {
  if (!condition) throw new Error(message());
}

/** The address that a call returned, or 0 where there is no room. */
function attempt(call) {
  try {
    return call();
  } catch (error) {
    if (error.code !== 'ERR_HEAP_OUT_OF_MEMORY') throw error;
    return 0;
  }
}

export class Hands {
  constructor(page, market, random, largest) {
    this.heap = undefined;
    this.page = page;
    this.market = market;
    this.random = random;
    this.largest = largest;
  }

  step() {
    this.page.step();
    const entry = this.random.int(0, this.page.entries - 1);
    if (this.page.isMarked(entry)) return;
    if (this.page.address(entry) === 0) this.fill(entry);
    else this.use(entry);
  }

  /** Something into an empty entry. */
  fill(entry) {
    const choice = this.random.int(0, 19);
    if (choice === 0) this.allocateBatch();
    else if (choice < 4) this.take(entry);
    else this.allocate(entry);
  }

  use(entry) {
    const choice = this.random.int(0, 15);
    if (choice < 2) this.give(entry);
    else if (choice < 5) this.resize(entry);
    else if (choice === 5) this.freeSome();
    else this.free(entry);
  }

  allocate(entry, bytes = this.random.size(0, this.largest)) {
    const { page, random } = this;
    const kind = random.int(0, 7);
    const alignment = kind === 2 ? 1 << random.int(0, 16) : bytes <= 8 ? 8 : 16;
    page.reach();
    const address = this.request(kind, bytes, alignment);
    if (address === 0) return this.refused();
    page.hold(entry, address, bytes);
    ensure(address % alignment === 0, () => `block ${address} of ${bytes} bytes is not aligned to ${alignment}`);
    if (kind < 2) this.isZero(address, 0, bytes);
    this.stamp(entry);
  }

  /** Kinds 0 and 1 are filled with zeros. */
  request(kind, bytes, alignment) {
    const { heap, random } = this;
    if (kind === 0) return attempt(() => heap.calloc(bytes));
    if (kind === 2) return heap.tryMalloc(bytes, alignment);
    if (kind === 3) return attempt(() => heap.malloc(bytes));
    if (kind !== 1) return heap.tryMalloc(bytes);
    const type = random.pick(TYPES);
    const view = attempt(() => heap.alloc(type, Math.ceil(bytes / type.BYTES_PER_ELEMENT)));
    return view === 0 ? 0 : view.byteOffset;
  }

  isZero(address, from, to) {
    const at = nonZero(this.heap.u8, address + from, to - from);
    ensure(at === -1, () => `byte ${from + at} of block ${address} is not zero`);
  }

  refused() {
    this.page.letGo();
    this.page.refuse();
  }

  stamp(entry) {
    const { heap, page } = this;
    stamp(heap.u8, page.address(entry), page.bytes(entry), page.tag(entry));
    page.unmark(entry);
  }

  allocateBatch() {
    const { heap, page, random } = this;
    const { batch } = page;
    const bytes = random.size(0, Math.min(this.largest, 4096));
    page.reach();
    const made = attempt(() => heap.mallocMany(bytes, batch.length, batch));
    page.letGo();
    if (made === 0) page.refuse();
    for (let i = 0; i < batch.length; i++) {
      const address = batch[i];
      const entry = made === 0 ? -1 : this.emptyEntry();
      if (entry !== -1) {
        page.hold(entry, address, bytes);
        this.stamp(entry);
      } else if (made !== 0) heap.free(address);
      batch[i] = 0;
    }
  }

  emptyEntry() {
    for (let entry = 0; entry < this.page.entries; entry++) if (this.page.address(entry) === 0) return entry;
    return -1;
  }

  free(entry) {
    const { heap, page, random } = this;
    const address = page.address(entry);
    page.verify(heap, entry);
    page.mark(entry);
    if (random.oneIn(8)) heap.free(heap.view(Uint8Array, address, page.bytes(entry)));
    else heap.free(address);
    page.clear(entry);
  }

  freeSome() {
    const { heap, page } = this;
    const some = [];
    for (let entry = 0; entry < page.entries && some.length < 5; entry++)
      if (page.address(entry) !== 0 && !page.isMarked(entry)) some.push(entry);
    for (const entry of some) page.verify(heap, entry);
    for (const entry of some) page.mark(entry);
    heap.freeMany(some.map((entry) => page.address(entry)));
    for (const entry of some) page.clear(entry);
  }

  /** Frees everything without a look at it, so that nothing but the heap takes time. */
  freeUnseen() {
    const { heap, page } = this;
    for (let entry = 0; entry < page.entries; entry++) {
      if (page.address(entry) === 0 || page.isMarked(entry)) continue;
      page.mark(entry);
      heap.free(page.address(entry));
      page.clear(entry);
    }
  }

  /** To `bytes` bytes, of which the first `stamped` are stamped. */
  resize(entry, bytes = this.random.size(0, this.largest), stamped = bytes) {
    const { heap, page, random } = this;
    const old = page.address(entry);
    const had = page.bytes(entry);
    const isView = stamped === bytes && random.oneIn(4);
    page.mark(entry);
    page.reach();
    const address = attempt(() =>
      isView ? heap.addressOf(heap.resize(heap.view(Uint8Array, old, had), bytes)) : heap.realloc(old, bytes),
    );
    if (address === 0) {
      page.unmark(entry);
      return this.refused();
    }
    page.hold(entry, address, stamped);
    const at = damage(heap.u8, address, Math.min(had, bytes), page.tag(entry), had);
    ensure(at === -1, () => `byte ${at} of block ${old} changed when it was resized from ${had} to ${bytes} bytes`);
    if (isView && bytes > had) this.isZero(address, had, bytes);
    this.stamp(entry);
  }

  /** Into a box, for some other worker. */
  give(entry) {
    const { market, page, random } = this;
    const block = { address: page.address(entry), bytes: page.bytes(entry), tag: page.tag(entry) };
    page.mark(entry);
    if (market.offer(random.next(), block)) page.clear(entry);
    else page.unmark(entry);
  }

  /** Out of a box: kept, or freed on the spot. */
  take(entry) {
    const { heap, market, page, random } = this;
    page.reach();
    const block = market.take(random.next());
    if (block === undefined) return page.letGo();
    const { address, bytes, tag } = block;
    page.hold(entry, address, bytes);
    const at = damage(heap.u8, address, bytes, tag);
    ensure(at === -1, () => `block ${address} was damaged at byte ${at} of ${bytes} on its way from another worker`);
    this.stamp(entry);
    if (random.oneIn(2)) this.free(entry);
  }

  /** A call of some other kind, named as what the worker is doing. */
  during(phase, call) {
    const { page } = this;
    const before = page.phase;
    page.phase = phase;
    const result = call();
    page.phase = before;
    return result;
  }

  collect() {
    this.during(Phase.collecting, () => this.heap.collect());
  }

  /** Takes over a dead worker that somebody left lying, and what it held. */
  bury(pageOf) {
    const dead = this.market.takeDead();
    if (dead === undefined) return;
    const page = pageOf(dead);
    this.during(Phase.reclaiming, () => this.heap.reclaim(page.workerId));
    page.inherit(this.heap);
  }

  /** Works while the stack is used up: some calls get through, some are cut short anywhere. */
  dive(calls = 40) {
    if (!this.page.mayDive) return;
    const dive = { left: calls, cuts: 0 };
    this.during(Phase.overflowing, () => this.sink(dive));
    this.page.spill(dive.cuts);
    this.page.settle();
  }

  sink(dive) {
    try {
      this.sink(dive);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    if (dive.left <= 0) return;
    try {
      if (dive.cuts > 0) {
        // Here, because there is no stack for a call where the overflow is caught.
        this.page.spill(dive.cuts);
        dive.cuts = 0;
      }
      this.actInDive();
      dive.left--;
    } catch (error) {
      dive.cuts++;
      if (!(error instanceof RangeError)) throw error;
    }
  }

  actInDive() {
    const { page, random } = this;
    const entry = random.int(0, page.entries - 1);
    if (page.isMarked(entry)) return;
    if (page.address(entry) === 0) this.allocate(entry);
    else if (random.oneIn(4)) this.resize(entry);
    else if (random.oneIn(20)) this.heap.collect();
    else this.free(entry);
  }
}
