import * as atomics from '#atomics';
import { HeapError, type Heap } from '../index.js';
import { Kind, Views, publishRecord } from '../records/index.js';
import { CHUNKS_MOST, Chunks, shiftFor } from './chunks.js';
import { Guarded } from './guarded.js';
import { hashBytes } from './hash.js';
import { CollectionWord, checkCollection, makeCollection } from './record.js';

const enum TextsWord {
  /** How many texts there are. Its store commits a new one. */
  X_COUNT = CollectionWord.FIRST_OF_ITS_OWN,
  /** Raised before the memory of a table is given back. */
  X_VERSION,
  /** Address of the table, a multiple of 32, plus the binary logarithm of its words. 0 before the first text. */
  X_TABLE,
  SHIFT,
  /** Addresses of the chunks of entries. */
  X_CHUNKS,
  WORDS = X_CHUNKS + CHUNKS_MOST,
}

/** What is known of a text, by its number. Never changes once the number is committed. */
const enum EntryWord {
  /** Address of its bytes. */
  ADDRESS = 0,
  BYTES = 1,
  HASH = 2,
  WORDS = 3,
}

const CAPACITY = 64;

/** The low bits of an aligned address, which hold the logarithm. */
const TABLE_ALIGNMENT = 32;
/** The first table has twice as many words as there are to be texts at first. */
const TABLE_SHIFT_MORE = 1;

/** Named in the record like the values of a vector. */
const INTERNED = { text: 'interned texts' };

export interface TextsOptions {
  /** Texts for which there is room at first, 64 if not given; it grows by itself. */
  readonly capacity?: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Texts that are kept once and named by numbers: equal texts have the same number in all workers, so a number is as good as the text
 * wherever it is stored or compared. Numbers count up from 0 without holes, and are never given back.
 *
 * A text is there with the store of one word, and its number is handed out after that. A worker that is killed inside leaves a text there or
 * not there, and at most one block that nobody frees. What a worker has met once it keeps as an object of its own, so that meeting it again costs
 * no more than a look into a `Map` or an array.
 *
 * Texts are kept in UTF-8: a lone surrogate is the same as U+FFFD.
 */
export class Texts extends Guarded {
  private readonly word: number;
  private readonly views: Views;
  private readonly chunks: Chunks;
  /** What this worker has met. */
  private readonly numbers = new Map<string, number>();
  private readonly known: (string | undefined)[] = [];

  /** Throws ERR_COLLECTION_ARGUMENT for a capacity that is none. */
  static create(heap: Heap, options: TextsOptions = {}): Texts {
    const shift = shiftFor('Texts.create', options, CAPACITY);
    const address = makeCollection(heap, TextsWord.WORDS, INTERNED);
    heap.i32[address / 4 + TextsWord.SHIFT] = shift;
    publishRecord(heap, address, Kind.TEXTS);
    return new Texts(heap, address, true);
  }

  /** Opens the texts at an address. Throws ERR_HEAP_KIND if there are none. */
  static at(heap: Heap, address: number): Texts {
    checkCollection(heap, address, Kind.TEXTS, TextsWord.WORDS, INTERNED);
    return new Texts(heap, address, false);
  }

  private constructor(heap: Heap, address: number, isMaker: boolean) {
    super(heap, address, isMaker);
    this.word = address / 4;
    this.views = new Views(heap);
    this.chunks = new Chunks(
      heap,
      this.views,
      this.word + TextsWord.X_CHUNKS,
      heap.i32[this.word + TextsWord.SHIFT],
      EntryWord.WORDS * 4,
    );
  }

  /** @internal */
  get kind(): Kind {
    return Kind.TEXTS;
  }

  /** Number of texts at this moment; their numbers are those below. */
  get size(): number {
    return this.load(TextsWord.X_COUNT);
  }

  private load(word: number): number {
    return atomics.load(this.views.i32, this.word + word);
  }

  private store(word: number, value: number): void {
    atomics.store(this.views.i32, this.word + word, value);
  }

  /** The number of a text, which is added if it is new. Throws ERR_HEAP_OUT_OF_MEMORY, with everything as it was. */
  intern(text: string): number {
    const met = this.numbers.get(text);
    if (met !== undefined) return met;
    const bytes = encode(text);
    const hash = hashBytes(bytes);
    let number = this.find(this.load(TextsWord.X_TABLE), hash, bytes);
    while (number < 0) {
      this.makeRoom();
      number = this.add(hash, bytes);
    }
    this.numbers.set(text, number);
    return number;
  }

  /** The number of a text; undefined if it has none. */
  lookUp(text: string): number | undefined {
    const met = this.numbers.get(text);
    if (met !== undefined) return met;
    const bytes = encode(text);
    const hash = hashBytes(bytes);
    for (;;) {
      const version = this.load(TextsWord.X_VERSION);
      const number = this.find(this.load(TextsWord.X_TABLE), hash, bytes);
      if (number >= 0) {
        this.numbers.set(text, number);
        return number;
      }
      // The table may have been freed under the search: then what it has not found means nothing.
      if (this.load(TextsWord.X_VERSION) === version) return undefined;
    }
  }

  /** The text of a number. Throws ERR_COLLECTION_INDEX for one that no text has. */
  text(number: number): string {
    return this.known[number] ?? this.meet(number);
  }

  private meet(number: number): string {
    const count = this.load(TextsWord.X_COUNT);
    if (!(Number.isInteger(number) && number >= 0 && number < count))
      throw new HeapError(
        'ERR_COLLECTION_INDEX',
        `text: no text has the number ${number}, there are ${count}; numbers are what intern() returns`,
        { address: this.address, number, count },
      );
    const [address, bytes] = this.placeOf(number);
    // A copy, because decoders refuse shared memory.
    const text = decoder.decode(new Uint8Array(this.views.u8.subarray(address, address + bytes)));
    // Without holes, which would make it a slow kind of array.
    while (this.known.length <= number) this.known.push(undefined);
    this.known[number] = text;
    return text;
  }

  /** Where the bytes of a committed text lie, and how many they are. */
  private placeOf(number: number): [address: number, bytes: number] {
    const at = this.entryOf(number);
    const { i32 } = this.views;
    const [address, bytes] = [i32[at + EntryWord.ADDRESS] >>> 0, i32[at + EntryWord.BYTES]];
    this.views.cover(address + bytes);
    return [address, bytes];
  }

  /** Index of the first word of an entry, whose chunk must be there. */
  private entryOf(number: number): number {
    const address = this.chunks.addressOf(number);
    this.views.cover(address + EntryWord.WORDS * 4);
    return address / 4;
  }

  private isText(number: number, hash: number, bytes: Uint8Array): boolean {
    const at = this.entryOf(number);
    if (this.views.i32[at + EntryWord.HASH] !== hash) return false;
    const [address, length] = this.placeOf(number);
    if (length !== bytes.length) return false;
    const { u8 } = this.views;
    for (let i = 0; i < length; i++) if (u8[address + i] !== bytes[i]) return false;
    return true;
  }

  /**
   * Number of a text in a table, -1 if it is not there. Without the lock the table may be freed meanwhile, and its words be anything: what
   * is found was compared with an entry, which never changes, and is right.
   */
  private find(table: number, hash: number, bytes: Uint8Array): number {
    if (table === 0) return -1;
    const count = this.load(TextsWord.X_COUNT);
    const mask = maskOf(table);
    const base = this.baseOf(table);
    for (let i = 0; i <= mask; i++) {
      const number = atomics.load(this.views.i32, base + ((hash + i) & mask)) - 1;
      if (number < 0) return -1;
      if (number < count && this.isText(number, hash, bytes)) return number;
    }
    return -1;
  }

  /** Index of the first word of a table. */
  private baseOf(table: number): number {
    const address = (table & -TABLE_ALIGNMENT) >>> 0;
    this.views.cover(address + (maskOf(table) + 1) * 4);
    return address / 4;
  }

  /** Index of the word of a table where a number with this hash is, or is to be, for the holder of the lock. */
  private slotOf(table: number, hash: number, number: number): number {
    const mask = maskOf(table);
    const base = this.baseOf(table);
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const there = atomics.load(this.views.i32, base + i);
      if (there === 0 || there === number + 1) return base + i;
    }
  }

  /** Whether the table has no room for another text: a quarter of it stays free, so that searches end soon. */
  private isCrowded(): boolean {
    const table = this.load(TextsWord.X_TABLE);
    return table === 0 || (this.load(TextsWord.X_COUNT) + 1) * 4 > (maskOf(table) + 1) * 3;
  }

  /** Makes sure that there is room for another text, unless others are faster. */
  private makeRoom(): void {
    if (this.isCrowded()) this.grow();
    if (this.chunks.hasRoom(this.load(TextsWord.X_COUNT))) return;
    this.enter('intern');
    try {
      this.chunks.reserve('intern', this.load(TextsWord.X_COUNT) + 1);
    } finally {
      // Also where it was refused: room is all that it changes.
      this.lock.leave(true);
    }
  }

  /** Adds a text that was not found. -1 if there is no room. */
  private add(hash: number, bytes: Uint8Array): number {
    const address = this.heap.malloc(bytes.length);
    let isStored = false;
    try {
      this.views.cover(address + bytes.length);
      this.views.u8.set(bytes, address);
      this.enter('intern');
      let isWhole = false;
      try {
        let number = this.find(this.load(TextsWord.X_TABLE), hash, bytes);
        const next = this.load(TextsWord.X_COUNT);
        if (number < 0 && !this.isCrowded() && this.chunks.hasRoom(next)) {
          number = next;
          this.enterEntry(number, address, bytes.length, hash);
          isStored = true;
        }
        isWhole = true;
        return number;
      } finally {
        this.lock.leave(isWhole);
      }
    } finally {
      if (!isStored) this.heap.free(address);
    }
  }

  private enterEntry(number: number, address: number, bytes: number, hash: number): void {
    const at = this.entryOf(number);
    const { i32 } = this.views;
    i32[at + EntryWord.ADDRESS] = address | 0;
    i32[at + EntryWord.BYTES] = bytes;
    i32[at + EntryWord.HASH] = hash;
    // Who finds it in the table takes it for a free word until it is committed.
    atomics.store(i32, this.slotOf(this.load(TextsWord.X_TABLE), hash, number), number + 1);
    this.store(TextsWord.X_COUNT, number + 1);
  }

  /**
   * Makes a table of twice the words. It is filled without the lock, as entries don't change; under it only the latest ones are
   * added. If another worker was faster nothing is done.
   */
  private grow(): void {
    const { heap } = this;
    const old = this.load(TextsWord.X_TABLE);
    const shift = old === 0 ? this.chunks.shift + TABLE_SHIFT_MORE : (old & (TABLE_ALIGNMENT - 1)) + 1;
    const table = heap.calloc(4 * 2 ** shift, TABLE_ALIGNMENT) | shift;
    let unused = table;
    try {
      const count = this.load(TextsWord.X_COUNT);
      this.list(table, 0, count);
      this.enter('intern');
      let isWhole = false;
      try {
        if (this.load(TextsWord.X_TABLE) === old) {
          this.list(table, count, this.load(TextsWord.X_COUNT));
          // Commits.
          this.store(TextsWord.X_TABLE, table);
          unused = old;
          // Who has searched the old table in vain learns that it is gone before its memory has another use.
          this.store(TextsWord.X_VERSION, this.load(TextsWord.X_VERSION) + 1);
        }
        isWhole = true;
      } finally {
        this.lock.leave(isWhole);
      }
    } finally {
      heap.free((unused & -TABLE_ALIGNMENT) >>> 0);
    }
  }

  /** Enters committed texts into a table that nobody else sees. */
  private list(table: number, from: number, to: number): void {
    for (let number = from; number < to; number++) {
      const hash = this.views.i32[this.entryOf(number) + EntryWord.HASH];
      const slot = this.slotOf(table, hash, number);
      this.views.i32[slot] = number + 1;
    }
  }

  /** @internal Takes out of the table what was entered and not committed. */
  protected override repair(): void {
    const table = this.load(TextsWord.X_TABLE);
    const number = this.load(TextsWord.X_COUNT);
    if (table === 0 || !this.chunks.hasRoom(number)) return;
    // It was entered last, so no search for another one goes over its place.
    const slot = this.slotOf(table, this.views.i32[this.entryOf(number) + EntryWord.HASH], number);
    atomics.store(this.views.i32, slot, 0);
  }

  /** Texts in the order of their numbers, also those that are added meanwhile. */
  *[Symbol.iterator](): Generator<string> {
    for (let number = 0; number < this.size; number++) yield this.text(number);
  }

  /** Number and text, as the iterator goes. */
  *entries(): Generator<[number: number, text: string]> {
    for (let number = 0; number < this.size; number++) yield [number, this.text(number)];
  }

  /** @internal */
  protected override freeContents(): void {
    const count = this.load(TextsWord.X_COUNT);
    for (let number = 0; number < count; number++) this.heap.free(this.placeOf(number)[0]);
    this.heap.free((this.load(TextsWord.X_TABLE) & -TABLE_ALIGNMENT) >>> 0);
    this.chunks.free();
  }
}

const maskOf = (table: number): number => (1 << (table & (TABLE_ALIGNMENT - 1))) - 1;

function encode(text: string): Uint8Array {
  if (typeof text !== 'string')
    throw new HeapError('ERR_HEAP_VALUE', `a ${typeof text} is no text; convert it before`, { value: text });
  return encoder.encode(text);
}
