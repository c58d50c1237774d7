// Attaches to copies of a region that somebody has tampered with, and makes every call there is. Says of each trial how it
// ended, and what must never be: an error that is no HeapError, or a byte changed where none may be.
import { parentPort, workerData } from 'node:worker_threads';
import { Heap, HeapError } from 'sabmalloc';
import { damage } from '../workers/common.mjs';

const { image, trials } = workerData;
const original = new Uint8Array(image.memory);
const originalWords = new Int32Array(image.memory);
const WASM_PAGE = 65_536;
/** Most copies are made here, one after the other: each trial overwrites all of it. */
const again = new SharedArrayBuffer(original.length);

/** A memory of the wanted kind and length that begins as the image does. */
function makeMemory(kind, bytes) {
  if (kind === 'growable') return new SharedArrayBuffer(bytes, { maxByteLength: bytes + 2 ** 20 });
  if (kind === 'fixed') return bytes === original.length ? again : new SharedArrayBuffer(bytes);
  const pages = Math.ceil(bytes / WASM_PAGE);
  return new WebAssembly.Memory({ initial: pages, maximum: pages + 16, shared: true });
}

function copyInto(memory, bytes) {
  const u8 = new Uint8Array(memory instanceof WebAssembly.Memory ? memory.buffer : memory);
  u8.set(original.subarray(0, bytes));
  return u8;
}

/** One trial: what was found wrong, and the codes of the errors met. */
class Run {
  constructor({ memory, bytes, token, words, when, brief, excuse }) {
    this.memory = makeMemory(memory, bytes);
    this.u8 = copyInto(this.memory, bytes);
    this.i32 = new Int32Array(this.u8.buffer, 0, this.u8.length >>> 2);
    this.token = { ...image.token, memory: this.memory, ...token };
    this.words = words;
    this.when = when;
    this.brief = brief;
    this.excuse = excuse;
    this.findings = [];
    this.codes = new Set();
  }

  /** The result of a call that may be refused, but only by a HeapError. */
  call(name, body) {
    try {
      return body();
    } catch (error) {
      if (error instanceof HeapError) this.codes.add(error.code);
      else this.findings.push(`${name}: ${error.stack.split('\n', 6).join(' ')}`);
      return undefined;
    }
  }

  tamper() {
    for (const [index, value] of this.words) this.i32[index] = value;
  }

  /** Whoever refuses a region has written nothing into it. */
  isUnchanged() {
    for (const [index] of this.words) this.i32[index] = originalWords[index];
    const length = Math.min(this.u8.length, original.length);
    const isRest = this.u8.subarray(length).every((byte) => byte === 0);
    if (!isRest || Buffer.compare(this.u8.subarray(0, length), original.subarray(0, length)) !== 0)
      this.findings.push('attach was refused, but has written');
  }

  /** Returns how it ended. */
  perform() {
    if (this.when === 'before') this.tamper();
    const heap = this.call('attach', () => Heap.attach(this.token));
    if (heap === undefined) {
      this.isUnchanged();
      return [...this.codes][0] ?? 'none';
    }
    if (this.when === 'before' && this.excuse !== 'loss') this.isWhole(heap);
    const mine = this.allocate(heap);
    if (this.when === 'after') this.tamper();
    if (!this.brief) this.exercise(heap, mine);
    this.call('detach', () => heap.detach());
    if (this.excuse !== 'trespass') this.staysInside();
    return this.codes.has('ERR_HEAP_CORRUPT') ? 'ERR_HEAP_CORRUPT' : 'works';
  }

  /** A heap that says of itself that it is in order must be so. */
  isWhole(heap) {
    if (this.call('check', () => (heap.check(), true)) !== true) return;
    const listed = new Set(this.call('blocks', () => [...heap.blocks()].map(({ address }) => address)));
    const lost = image.blocks.filter(
      ([address, bytes]) => !listed.has(address) || damage(heap.u8, address, bytes, address) !== -1,
    );
    if (lost.length > 0) this.findings.push(`check() is clean, but blocks are lost: ${lost.join(' ')}`);
  }

  allocate(heap) {
    const sizes = [0, 16, 100, 100, 1000, 5000, 40_000];
    return sizes.map((bytes) => this.call('malloc', () => heap.malloc(bytes)) ?? 0);
  }

  exercise(heap, mine) {
    const theirs = image.blocks.map(([address]) => address);
    this.call('check', () => heap.check());
    this.call('stats', () => heap.stats());
    this.call('blocks', () => [...heap.blocks()]);
    for (const address of [...theirs, ...mine]) this.call('usableSize', () => heap.usableSize(address));
    const more = this.allocate(heap);
    for (const address of mine.slice(0, 2)) this.call('realloc', () => heap.realloc(address, 3000));
    for (const address of [...mine.slice(2), ...theirs.slice(0, 16)]) this.call('free', () => heap.free(address));
    this.call('collect', () => heap.collect());
    this.call('reclaim', () => heap.reclaim(image.ghost));
    this.call('reserve', () => heap.reclaim(heap.reserve().workerId));
    for (let i = 0; i < 12; i++) more.push(this.call('tryMalloc', () => heap.tryMalloc(700 + i * 1500)));
    for (const address of [...more, ...theirs.slice(16)]) this.call('free', () => heap.free(address));
    this.call('collect', () => heap.collect());
    this.call('check', () => heap.check());
  }

  staysInside() {
    const end = Math.min(this.u8.length, original.length);
    const isSame = (from, to) => Buffer.compare(this.u8.subarray(from, to), original.subarray(from, to)) === 0;
    if (!isSame(0, image.baseBytes) || !isSame(image.endBytes, Math.max(image.endBytes, end)))
      this.findings.push('a byte outside the region has changed');
  }
}

for (const trial of trials) {
  const run = new Run(trial);
  const end = run.perform();
  parentPort.postMessage({ end, findings: run.findings });
}
