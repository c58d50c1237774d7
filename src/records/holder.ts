import * as atomics from '#atomics';
import { type Heap } from '../index.js';
import { OwnerDiedError, deadlock, notHolder } from './errors.js';
import { HolderBits } from './layout.js';
import { LOSSES_MOST, SPINS, Waiter } from './wait.js';

/**
 * The word of a lock that names its holder, as one worker sees it: HolderBits. In the manner of futexes (Franke, Russell and
 * Kirkwood, OLS 2002; Drepper, "Futexes Are Tricky"), with the robustness of their lists in the word itself.
 *
 * Who sleeps has set WAITERS in the word of a holder, and is woken by its release, which takes the bit off; who was woken
 * sets it again, whatever it finds, for there may be others asleep. So at any time somebody is on the way who will wake
 * the next one. Only a death breaks this chain, and then those asleep look for themselves (LOOK_EVERY_MS).
 */
export class Holder {
  readonly me: number;
  readonly word: number;
  private readonly lost: number;

  /** `state` and `lost`: places of the two words in the record at the address. */
  constructor(
    private readonly heap: Heap,
    readonly address: number,
    state: number,
    lost: number,
  ) {
    this.me = heap.workerId;
    this.word = address / 4 + state;
    this.lost = address / 4 + lost;
  }

  /** Takes a lock that is free, in order and owed to nobody. */
  takeFree(): boolean {
    // Sees all that was done under the lock before: its last holder published it by the release.
    return atomics.compareExchange(this.heap.i32, this.word, 0, this.me) === 0;
  }

  /** The same, looking for a while. */
  spin(): boolean {
    const words = this.heap.i32;
    for (let i = 0; i < SPINS; i++) if (atomics.load(words, this.word) === 0 && this.takeFree()) return true;
    return false;
  }

  /**
   * Takes the lock if it is free or its holder dead, after so many sleeps. 0 if it is the caller's now; else the value of the
   * word on which to sleep.
   */
  attempt(wakes: number): number {
    for (;;) {
      const seen = this.look();
      if ((seen & (HolderBits.ID | HolderBits.OWED)) === HolderBits.OWED && wakes === 0) return seen;
      if (this.isForTaking(seen)) {
        if (this.take(seen, wakes > 0)) return 0;
        continue;
      }
      const marked = seen | HolderBits.WAITERS | (wakes > LOSSES_MOST ? HolderBits.OWED : 0);
      // Tells the holder that somebody is about to sleep.
      if (marked === seen || this.swap(seen, marked)) return marked;
    }
  }

  /** The same for one that won't sleep: true if the lock is the caller's now. */
  tryTake(): boolean {
    for (;;) {
      const seen = this.look();
      if (!this.isForTaking(seen)) return false;
      if (this.take(seen, false)) return true;
    }
  }

  private isForTaking(seen: number): boolean {
    const holder = seen & HolderBits.ID;
    return holder === 0 || (holder !== this.me && !this.heap.isAttached(holder));
  }

  /** Takes a lock that was seen free, or of several that take it from a dead holder is the first. */
  private take(seen: number, hasSlept: boolean): boolean {
    const dead = seen & HolderBits.ID;
    // Who has slept doesn't know whether others still do.
    const waiters = hasSlept ? HolderBits.WAITERS : seen & HolderBits.WAITERS;
    const broken = dead === 0 ? seen & HolderBits.BROKEN : HolderBits.BROKEN;
    if (!this.swap(seen, this.me | waiters | broken)) return false;
    // For the message of whoever is told.
    if (dead !== 0) atomics.store(this.heap.i32, this.lost, dead);
    return true;
  }

  private swap(seen: number, value: number): boolean {
    return atomics.compareExchange(this.heap.i32, this.word, seen, value) === seen;
  }

  /** Gives the lock up if nobody waits for it and nothing is to be told of it; false, with the lock still held, otherwise. */
  releaseWhole(): boolean {
    // Publishes all that was done under the lock to whoever takes it next.
    return this.swap(this.me, 0);
  }

  /** Gives the lock up and wakes who waits. Throws ERR_SYNC_NOT_HOLDER if it isn't the caller's. */
  release(call: string): void {
    if (this.releaseWhole()) return;
    for (;;) {
      const seen = this.look();
      if ((seen & HolderBits.ID) !== this.me) throw notHolder(call, this.address);
      const owed = (seen & HolderBits.OWED) === 0 ? 0 : HolderBits.OWED | HolderBits.WAITERS;
      if (!this.swap(seen, (seen & HolderBits.BROKEN) | owed)) continue;
      if ((seen & HolderBits.WAITERS) !== 0) atomics.notify(this.heap.i32, this.word, 1);
      return;
    }
  }

  /** Whoever was woken and leaves sees to it that somebody else is, now or by the release. */
  passOn(): void {
    for (;;) {
      const seen = this.look();
      const isHeld = (seen & HolderBits.ID) !== 0;
      // What is owed to those that slept is for everybody again: perhaps the last of them is leaving.
      const next = isHeld ? (seen & ~HolderBits.OWED) | HolderBits.WAITERS : seen & HolderBits.BROKEN;
      if (next !== seen && !this.swap(seen, next)) continue;
      if (!isHeld) atomics.notify(this.heap.i32, this.word, 1);
      return;
    }
  }

  /** Passes on what was taken. Throws OwnerDiedError, with it, if what the lock guards may be half changed. */
  told<Held>(call: string, guard: Held): Held {
    if (!this.isBroken()) return guard;
    throw new OwnerDiedError(call, this.address, atomics.load(this.heap.i32, this.lost), guard);
  }

  /** Said by the holder: what the lock guards is in order again. */
  repaired(): void {
    atomics.and(this.heap.i32, this.word, ~HolderBits.BROKEN);
  }

  /** Said by the holder: what the lock guards may be half changed, and whoever takes it next is to be told. */
  broken(): void {
    atomics.or(this.heap.i32, this.word, HolderBits.BROKEN);
  }

  /** Whether what the lock guards may be half changed. For the holder. */
  isBroken(): boolean {
    return (this.look() & HolderBits.BROKEN) !== 0;
  }

  /** The word as it is. */
  look(): number {
    return atomics.load(this.heap.i32, this.word);
  }

  /** Worker id of the holder, 0 if the lock is free. */
  current(): number {
    return this.look() & HolderBits.ID;
  }

  /** Whether there is a holder that is not known to be dead. */
  isHeld(): boolean {
    const holder = this.current();
    return holder !== 0 && this.heap.isAttached(holder);
  }

  /** Frees the lock of a dead holder for others than the caller. False if it has another holder by now. */
  bury(dead: number): boolean {
    const seen = this.look();
    if ((seen & HolderBits.ID) !== dead || !this.swap(seen, HolderBits.BROKEN)) return false;
    atomics.store(this.heap.i32, this.lost, dead);
    atomics.notify(this.heap.i32, this.word, 1);
    return true;
  }
}

/** Waits for the word of a lock. `call` is the name of a call that blocks the thread, undefined for one that doesn't. */
export class HolderWaiter extends Waiter {
  declare protected readonly holder: Holder;
  declare protected readonly call: string | undefined;

  constructor(holder: Holder, call: string | undefined) {
    super();
    this.holder = holder;
    this.call = call;
    this.word = holder.word;
  }

  override attempt(): boolean {
    this.value = this.holder.attempt(this.wakes);
    if (this.call !== undefined && (this.value & HolderBits.ID) === this.holder.me)
      throw deadlock(this.call, this.holder.address, 'this worker holds the lock already');
    return this.value === 0;
  }

  override giveUp(): boolean {
    this.holder.passOn();
    return false;
  }

  override passOn(): void {
    this.holder.passOn();
  }
}
