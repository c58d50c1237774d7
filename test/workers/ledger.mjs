// What the workers of a storm hold, written down in shared memory outside the heap, so that whoever is left can tell
// what a dead one had. One page a worker: first where it is and what it has in its hands, then an entry of two words a
// block, address and bytes. The low bit of an address marks an entry that may or may not be live, or not yet be stamped:
// its worker is about to free it, resize it or give it away, or has only just got it.
import { damage } from './common.mjs';

/** What a worker is doing, as it says itself. From `working` on it has been attached. */
export const Phase = Object.freeze({
  starting: 0,
  attaching: 1,
  working: 2,
  poised: 3,
  freeing: 4,
  resizing: 5,
  growing: 6,
  adopting: 7,
  collecting: 8,
  reclaiming: 9,
  detaching: 10,
  overflowing: 11,
  stopped: 12,
});

const Word = {
  phase: 0,
  steps: 1,
  inHand: 2,
  spilt: 3,
  overflows: 4,
  refusals: 5,
  workerId: 6,
  go: 7,
  mail: 8,
  doubts: 9,
};
const HEAD_WORDS = 10;
const BATCH_WORDS = 4;
const DOUBT_WORDS = 256;
const MARK = 1;

export const pageWords = (entries) => HEAD_WORDS + BATCH_WORDS + DOUBT_WORDS + 2 * entries;

export class Page {
  constructor(words, number, entries) {
    this.words = words;
    this.number = number;
    this.entries = entries;
    this.at = number * pageWords(entries);
    /** Where `mallocMany` writes its addresses one by one: each is known the moment it is stored. */
    this.batch = words.subarray(this.at + HEAD_WORDS, this.at + HEAD_WORDS + BATCH_WORDS);
    this.doubtful = words.subarray(
      this.at + HEAD_WORDS + BATCH_WORDS,
      this.at + HEAD_WORDS + BATCH_WORDS + DOUBT_WORDS,
    );
  }

  read(word) {
    return Atomics.load(this.words, this.at + word);
  }

  write(word, value) {
    Atomics.store(this.words, this.at + word, value);
  }

  get phase() {
    return this.read(Word.phase);
  }

  set phase(phase) {
    this.write(Word.phase, phase);
  }

  /** Operations so far: whoever works moves it on. */
  get steps() {
    return this.read(Word.steps);
  }

  step() {
    this.words[this.at + Word.steps]++;
  }

  get refusals() {
    return this.read(Word.refusals);
  }

  refuse() {
    this.words[this.at + Word.refusals]++;
  }

  get workerId() {
    return this.read(Word.workerId);
  }

  set workerId(workerId) {
    this.write(Word.workerId, workerId);
  }

  /** The word a poised worker waits for. */
  get mayGo() {
    return this.read(Word.go) === 1;
  }

  go() {
    this.write(Word.go, 1);
  }

  /** A worker id for this worker to reclaim; false if it has not taken the last one yet. */
  post(workerId) {
    return Atomics.compareExchange(this.words, this.at + Word.mail, 0, workerId) === 0;
  }

  takeMail() {
    return Atomics.exchange(this.words, this.at + Word.mail, 0);
  }

  /** From here until `hold` or `letGo` the worker may have a live block that is in no entry. */
  reach() {
    this.write(Word.inHand, 1);
  }

  letGo() {
    this.write(Word.inHand, 0);
  }

  get inHand() {
    return this.read(Word.inHand);
  }

  /** Blocks that were in the worker's hands when stack overflows cut a call short, and how many overflows there were. */
  get spilt() {
    return this.read(Word.spilt);
  }

  get overflows() {
    return this.read(Word.overflows);
  }

  /** Makes no call itself, for it runs where the stack is near its end: it is done wholly or not at all. */
  spill(overflows) {
    this.words[this.at + Word.overflows] += overflows;
    this.words[this.at + Word.spilt] += this.words[this.at + Word.inHand];
    this.words[this.at + Word.inHand] = 0;
  }

  wordOf(entry) {
    return this.at + HEAD_WORDS + BATCH_WORDS + DOUBT_WORDS + 2 * entry;
  }

  /** Address in an entry, marked or not; 0 if it is empty. */
  address(entry) {
    return (Atomics.load(this.words, this.wordOf(entry)) & ~MARK) >>> 0;
  }

  isMarked(entry) {
    return (Atomics.load(this.words, this.wordOf(entry)) & MARK) !== 0;
  }

  /** Bytes that are stamped. */
  bytes(entry) {
    return Atomics.load(this.words, this.wordOf(entry) + 1);
  }

  /** What the block of an entry is stamped with. */
  tag(entry) {
    return (this.number * 31 + entry) & 0xff;
  }

  /** A new block is known, but not yet stamped. */
  hold(entry, address, bytes) {
    Atomics.store(this.words, this.wordOf(entry) + 1, bytes);
    Atomics.store(this.words, this.wordOf(entry), address | MARK);
    this.letGo();
  }

  mark(entry) {
    Atomics.or(this.words, this.wordOf(entry), MARK);
  }

  unmark(entry) {
    Atomics.and(this.words, this.wordOf(entry), ~MARK);
  }

  clear(entry) {
    Atomics.store(this.words, this.wordOf(entry), 0);
  }

  /** False if there is no room any more to write down what another dive leaves. */
  get mayDive() {
    return this.read(Word.doubts) + this.entries <= DOUBT_WORDS;
  }

  /** Puts aside what overflows left marked, for nobody can tell whether it is live. For a worker between two steps. */
  settle() {
    for (let entry = 0; entry < this.entries; entry++) {
      if (!this.isMarked(entry)) continue;
      this.doubtful[this.words[this.at + Word.doubts]++] = this.address(entry);
      this.clear(entry);
    }
  }

  /** Throws unless the first `bytes` bytes of the block are as they were stamped. */
  verify(heap, entry, address = this.address(entry), bytes = this.bytes(entry)) {
    const at = damage(heap.u8, address, bytes, this.tag(entry), this.bytes(entry));
    if (at === -1) return;
    throw new Error(`block ${address} of ${bytes} bytes on page ${this.number} is damaged at byte ${at}`);
  }

  /** Frees what this page's worker, dead by now, surely held. */
  inherit(heap) {
    for (let entry = 0; entry < this.entries; entry++) {
      const address = this.address(entry);
      if (address === 0 || this.isMarked(entry)) continue;
      this.verify(heap, entry);
      this.mark(entry);
      heap.free(address);
      this.clear(entry);
    }
  }
}

const BOXES = 16;
const GRAVES = 16;
const BOXES_AT = 8;
const GRAVES_AT = BOXES_AT + 8 * BOXES;
export const MARKET_BYTES = GRAVES_AT + 4 * GRAVES;

/** Where workers meet: the word that stops them all, blocks on their way between two, and dead workers to be reclaimed. */
export class Market {
  constructor(memory) {
    this.stopWord = new Int32Array(memory, 0, 1);
    this.boxes = new BigUint64Array(memory, BOXES_AT, BOXES);
    this.graves = new Int32Array(memory, GRAVES_AT, GRAVES);
  }

  get isStopped() {
    return Atomics.load(this.stopWord, 0) === 1;
  }

  stop() {
    Atomics.store(this.stopWord, 0, 1);
    Atomics.notify(this.stopWord, 0);
  }

  /** Lets others run for a while; less if everyone is to stop. */
  rest(milliseconds) {
    Atomics.wait(this.stopWord, 0, 0, milliseconds);
  }

  /** Puts a block into a box; false if there is one in it. The receiver can verify it: bytes and tag travel along. */
  offer(box, { address, bytes, tag }) {
    const packed = (BigInt(bytes * 256 + tag) << 32n) | BigInt(address);
    return Atomics.compareExchange(this.boxes, box % BOXES, 0n, packed) === 0n;
  }

  take(box) {
    return unpack(Atomics.exchange(this.boxes, box % BOXES, 0n));
  }

  /** Blocks in the boxes. */
  offered() {
    return [...this.boxes].map(unpack).filter((block) => block !== undefined);
  }

  /** Leaves a dead worker to whoever comes by; false if there are too many already. */
  leaveDead(page) {
    return this.graves.some((_, i) => Atomics.compareExchange(this.graves, i, 0, page + 1) === 0);
  }

  /** The page of a dead worker that the caller is to reclaim, or undefined. */
  takeDead() {
    for (let i = 0; i < GRAVES; i++) {
      if (Atomics.load(this.graves, i) === 0) continue;
      const taken = Atomics.exchange(this.graves, i, 0);
      if (taken !== 0) return taken - 1;
    }
    return undefined;
  }
}

function unpack(packed) {
  if (packed === 0n) return undefined;
  const rest = Number(packed >> 32n);
  return { address: Number(packed & 0xffffffffn), bytes: rest >>> 8, tag: rest & 0xff };
}
