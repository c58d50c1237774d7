/**
 * What a word is, and the distinct words of one text with their counts, all in bytes: no string is made.
 *
 * A word is a run of 2 to 40 bytes of ASCII letters, digits, `_`, or anything outside ASCII, so that UTF-8 words stay
 * whole. ASCII letters count as lower case.
 */

const SHORTEST_WORD_BYTES = 2;
export const LONGEST_WORD_BYTES = 40;

/** For every byte: the byte in lower case where it belongs to a word, 0 where it separates words. */
const FOLDED = Uint8Array.from({ length: 256 }, (_, byte) => {
  const isWordByte = byte >= 0x80 || /\w/.test(String.fromCharCode(byte));
  if (!isWordByte) return 0;
  return byte < 0x80 ? String.fromCharCode(byte).toLowerCase().charCodeAt(0) : byte;
});

/** FNV-1a, 32 bits; the tables mix it once more, because its low bits alone are poor for short words. */
const HASH_SEED = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

function mixed(hash: number): number {
  const half = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (half ^ (half >>> 13)) >>> 0;
}

/** `word` has a character for each byte of the word. */
export type WordVisitor = (word: string, count: number) => void;

/** A table that is filled by one text after another; its arrays stay, so that a text costs no allocation. */
export class TextWords {
  /** Words of the right length in the text last read, repetitions included. */
  words = 0;
  /** Words of more than 40 bytes in that text: left out. */
  overlongWords = 0;
  private text: Buffer = Buffer.alloc(0);
  private distinct = 0;
  /** Open addressing: 1 + number of the word, 0 when the slot is empty. Always at least half empty. */
  private slots = new Uint32Array(1 << 12);
  private starts = new Uint32Array(1 << 11);
  private lengths = new Uint32Array(1 << 11);
  private hashes = new Uint32Array(1 << 11);
  private counts = new Uint32Array(1 << 11);

  /** Counts the words of `text`, which is folded to lower case in place. */
  read(text: Buffer): void {
    this.clear();
    this.text = text;
    let start = 0;
    let hash = HASH_SEED;
    for (let at = 0; at < text.length; at++) {
      const byte = FOLDED[text[at]];
      if (byte !== 0) {
        text[at] = byte;
        hash = Math.imul(hash ^ byte, HASH_PRIME);
        continue;
      }
      if (at > start) this.word(text, start, at - start, hash >>> 0);
      start = at + 1;
      hash = HASH_SEED;
    }
    if (text.length > start) this.word(text, start, text.length - start, hash >>> 0);
  }

  /** The distinct words of the text last read. */
  forEach(visit: WordVisitor): void {
    for (let n = 0; n < this.distinct; n++) {
      const start = this.starts[n];
      visit(this.text.toString('latin1', start, start + this.lengths[n]), this.counts[n]);
    }
  }

  private word(text: Uint8Array, start: number, length: number, hash: number): void {
    if (length < SHORTEST_WORD_BYTES) return;
    if (length > LONGEST_WORD_BYTES) {
      this.overlongWords++;
      return;
    }
    this.words++;
    const slot = this.slotOf(text, start, length, hash);
    if (this.slots[slot] !== 0) {
      this.counts[this.slots[slot] - 1]++;
      return;
    }
    const n = this.distinct++;
    this.slots[slot] = n + 1;
    this.starts[n] = start;
    this.lengths[n] = length;
    this.hashes[n] = hash;
    this.counts[n] = 1;
    if (this.distinct === this.starts.length) this.grow();
  }

  /** Where the word is, or the empty slot where it belongs. */
  private slotOf(text: Uint8Array, start: number, length: number, hash: number): number {
    const mask = this.slots.length - 1;
    let slot = mixed(hash) & mask;
    for (; this.slots[slot] !== 0; slot = (slot + 1) & mask) {
      const n = this.slots[slot] - 1;
      if (this.hashes[n] !== hash || this.lengths[n] !== length) continue;
      if (sameBytes(text, this.starts[n], text, start, length)) return slot;
    }
    return slot;
  }

  private clear(): void {
    this.slots.fill(0);
    this.words = 0;
    this.overlongWords = 0;
    this.distinct = 0;
  }

  private grow(): void {
    this.starts = doubled(this.starts);
    this.lengths = doubled(this.lengths);
    this.hashes = doubled(this.hashes);
    this.counts = doubled(this.counts);
    this.slots = new Uint32Array(this.slots.length * 2);
    const mask = this.slots.length - 1;
    for (let n = 0; n < this.distinct; n++) {
      let slot = mixed(this.hashes[n]) & mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = n + 1;
    }
  }
}

function sameBytes(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}

function doubled(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const copy = new Uint32Array(array.length * 2);
  copy.set(array);
  return copy;
}
