import * as atomics from '#atomics';
import { HeapError, type Heap } from '../index.js';
import { type Views } from '../records/index.js';
import { valuesOf } from './arguments.js';
import { BlockCopy } from './block-copy.js';
import { SlotWord } from './map-layout.js';
import { decodeText, type ValueType } from './values.js';

/**
 * How the keys of a map lie in two words of a slot, and how they are hashed and found. One object for each map that is opened, so that
 * the key that was encoded last is nobody else's.
 */
export abstract class Keys<K> {
  abstract readonly text: string;
  /** Hash of the key that was encoded last. */
  hash = 0;
  /** Its words, once it has been placed. */
  low = 0;
  high = 0;
  protected state0 = 0;
  protected state1 = 0;
  protected state2 = 0;
  protected state3 = 0;

  constructor(
    private readonly seed0: number,
    private readonly seed1: number,
  ) {}

  /** Takes the key that the next calls are about. Throws ERR_HEAP_VALUE for what is no such key. */
  abstract encode(key: K): void;

  /** Whether a slot holds the key. The slot may be nonsense: another worker may be about to free the table. */
  abstract isIn(slot: number): boolean;

  /** Sets `low` and `high` to what a slot is to hold. Throws ERR_HEAP_OUT_OF_MEMORY. */
  abstract place(): void;

  /** Whether two words of a slot were read right, as far as that can be seen, and are kept for `key`. */
  abstract copy(low: number, high: number): boolean;

  /** The key that was copied last. */
  abstract key(): K;

  abstract free(low: number): void;

  /** Bytes outside of the slot that the key which was encoded last takes. */
  abstract encodedBytes(): number;

  /** HalfSipHash-1-3 (Aumasson and Bernstein, "SipHash", Indocrypt 2012): who doesn't know the seed can't choose keys that collide. */
  protected begin(): void {
    this.state0 = this.seed0;
    this.state1 = this.seed1;
    this.state2 = 0x6c796765 ^ this.seed0;
    this.state3 = 0x74656462 ^ this.seed1;
  }

  protected absorb(word: number): void {
    this.state3 ^= word;
    this.round();
    this.state0 ^= word;
  }

  protected end(length: number): void {
    this.absorb(length << 24);
    this.state2 ^= 0xff;
    this.round();
    this.round();
    this.round();
    this.hash = this.state1 ^ this.state3;
  }

  private round(): void {
    let { state0: v0, state1: v1, state2: v2, state3: v3 } = this;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    this.state0 = v0;
    this.state1 = v1;
    this.state2 = v2;
    this.state3 = v3;
  }
}

const badKey = (what: string, key: unknown): HeapError => new HeapError('ERR_HEAP_VALUE', what, { key });

const float = new Float64Array(1);
const floatWords = new Int32Array(float.buffer);

/** In the slot itself. 0 and -0 are one key, and so are all NaN, as in a Map. */
class NumberKeys extends Keys<number> {
  override readonly text = 'numbers';

  constructor(
    private readonly views: Views,
    seed0: number,
    seed1: number,
  ) {
    super(seed0, seed1);
  }

  override encode(key: number): void {
    if (typeof key !== 'number') throw badKey(`a ${typeof key} is no key of this map: its keys are numbers`, key);
    // Of NaN the engine may have several.
    float[0] = key === 0 ? 0 : Number.isNaN(key) ? NaN : key;
    this.low = floatWords[0];
    this.high = floatWords[1];
    this.begin();
    this.absorb(this.low);
    this.absorb(this.high);
    this.end(8);
  }

  override isIn(slot: number): boolean {
    const { i32 } = this.views;
    return (
      atomics.load(i32, slot + SlotWord.X_KEY_LOW) === this.low &&
      atomics.load(i32, slot + SlotWord.X_KEY_HIGH) === this.high
    );
  }

  override place(): void {}

  override copy(low: number, high: number): boolean {
    this.low = low;
    this.high = high;
    return true;
  }

  override key(): number {
    floatWords[0] = this.low;
    floatWords[1] = this.high;
    return float[0];
  }

  override free(): void {}

  override encodedBytes(): number {
    return 0;
  }
}

const encoder = new TextEncoder();

/** In a block, as UTF-8, of whole words with zeros at the end; in the slot its address and the number of bytes. */
class TextKeys extends Keys<string> {
  override readonly text = 'texts';
  /** The key that was encoded last, in whole words. */
  private encoded = new Int32Array(16);
  private bytes = new Uint8Array(this.encoded.buffer);
  private length = 0;
  private readonly copier: BlockCopy;

  constructor(
    private readonly heap: Heap,
    private readonly views: Views,
    seed0: number,
    seed1: number,
  ) {
    super(seed0, seed1);
    this.copier = new BlockCopy(views);
  }

  override encode(key: string): void {
    if (typeof key !== 'string') throw badKey(`a ${typeof key} is no key of this map: its keys are texts`, key);
    // Three bytes for each unit at most.
    if (key.length * 3 > this.bytes.length) this.grow(key.length * 3);
    const count = this.encodeAscii(key) ? key.length : this.encodeAny(key);
    this.length = count;
    this.begin();
    for (let i = 0; i * 4 < count; i++) this.absorb(this.encoded[i]);
    this.end(count);
  }

  private grow(bytes: number): void {
    this.encoded = new Int32Array(2 ** Math.ceil(Math.log2(bytes / 4 + 1)));
    this.bytes = new Uint8Array(this.encoded.buffer);
  }

  /** Most keys are ASCII, and short: the encoder would take longer to call. */
  private encodeAscii(key: string): boolean {
    const { encoded } = this;
    let all = 0;
    let word = 0;
    for (let i = 0; i < key.length; i++) {
      const code = key.charCodeAt(i);
      all |= code;
      word |= code << ((i & 3) << 3);
      if ((i & 3) !== 3) continue;
      encoded[i >> 2] = word;
      word = 0;
    }
    encoded[key.length >> 2] = word;
    return all < 128;
  }

  private encodeAny(key: string): number {
    const { written } = encoder.encodeInto(key, this.bytes);
    this.bytes.fill(0, written, (written + 3) & ~3);
    return written;
  }

  override isIn(slot: number): boolean {
    const { views, length } = this;
    if (atomics.load(views.i32, slot + SlotWord.X_KEY_HIGH) !== length) return false;
    const address = atomics.load(views.i32, slot + SlotWord.X_KEY_LOW) >>> 0;
    if (!views.cover(address + length)) return false;
    const { i32 } = views;
    const first = address >>> 2;
    for (let i = 0; i * 4 < length; i++) if (atomics.load(i32, first + i) !== this.encoded[i]) return false;
    return true;
  }

  override place(): void {
    const { length, views } = this;
    const address = this.heap.malloc((length + 3) & ~3);
    views.cover(address + length);
    const { i32 } = views;
    const first = address / 4;
    for (let i = 0; i * 4 < length; i++) i32[first + i] = this.encoded[i];
    this.low = address | 0;
    this.high = length;
  }

  override copy(low: number, high: number): boolean {
    this.high = high;
    return this.copier.copy(low, high);
  }

  override key(): string {
    return decodeText(this.copier.bytes, this.high);
  }

  override free(low: number): void {
    this.heap.free(low >>> 0);
  }

  override encodedBytes(): number {
    return this.length;
  }
}

/** The keys of a map. Throws ERR_COLLECTION_TYPE for what can't be one. */
export function keysOf<K>(heap: Heap, type: ValueType<K>, views: Views, seed0: number, seed1: number): Keys<K> {
  const { text } = valuesOf('keys', heap, type);
  const keys =
    text === 'texts'
      ? new TextKeys(heap, views, seed0, seed1)
      : text === 'numbers'
        ? new NumberKeys(views, seed0, seed1)
        : undefined;
  if (keys === undefined)
    throw new HeapError('ERR_COLLECTION_TYPE', `${text} can't be keys; keys are texts or numbers`, { type: text });
  return keys as unknown as Keys<K>;
}
