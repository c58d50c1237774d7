/**
 * The inverted index: one hash table in the shared heap, filled by many workers at once.
 *
 *     buckets   one block: (head, lock) per bucket
 *     entry     one block per word: the record below; entries of a bucket are chained through NEXT
 *     word      one block per word: its bytes
 *     postings  one block per word: (file, count) pairs in ascending order of file, a Uint32Array that grows by `resize`
 *
 * Everything reachable from a bucket is read and written under the bucket's lock while workers build. Once they are
 * done nothing changes any more, and whoever was told so reads without a lock.
 */
import { type Heap } from 'sabmalloc';
import { lock, unlock } from './lock.js';
import { mixed, sameBytes } from './words.js';

/** u32 fields of the two records: field F of the record at address R is `u32[(R >>> 2) + F]`. */
const BUCKET = { HEAD: 0, LOCK: 1, BYTES: 8 } as const;
const ENTRY = {
  NEXT: 0,
  HASH: 1,
  WORD: 2,
  WORD_BYTES: 3,
  POSTINGS: 4,
  /** Pairs in use, and pairs that fit. */
  FILES: 5,
  CAPACITY: 6,
  OCCURRENCES: 7,
  BYTES: 32,
} as const;

const FIRST_CAPACITY = 2;
const MIN_BUCKETS = 1 << 10;
const MAX_BUCKETS = 1 << 20;

/** How another worker finds the same index; a plain object for `workerData`. */
export interface IndexRef {
  readonly bucketsAddress: number;
  readonly bucketCount: number;
}

/** A word's postings, read where they lie. */
export interface Posting {
  /** (file, count) pairs in ascending order of file. */
  readonly pairs: Uint32Array;
  readonly files: number;
  readonly occurrences: number;
}

export class SharedIndex {
  private constructor(
    private readonly heap: Heap,
    readonly ref: IndexRef,
  ) {}

  static create(heap: Heap, expectedWords: number): SharedIndex {
    let bucketCount = MIN_BUCKETS;
    while (bucketCount < expectedWords && bucketCount < MAX_BUCKETS) bucketCount *= 2;
    return new SharedIndex(heap, { bucketsAddress: heap.calloc(bucketCount * BUCKET.BYTES), bucketCount });
  }

  static at(heap: Heap, ref: IndexRef): SharedIndex {
    return new SharedIndex(heap, ref);
  }

  /**
   * Adds `count` occurrences in `file` of the word at `text[start, start + length)`. Call once per word and file.
   * Returns whether the word is new to the index.
   */
  add(text: Uint8Array, start: number, length: number, hash: number, file: number, count: number): boolean {
    const bucket = this.bucketOf(hash);
    const words = this.heap.i32;
    lock(words, bucket + BUCKET.LOCK);
    try {
      const known = this.findIn(bucket, text, start, length, hash);
      const entry = known !== 0 ? known : this.insert(bucket, text, start, length, hash);
      this.addPosting(entry, file, count);
      return known === 0;
    } finally {
      unlock(words, bucket + BUCKET.LOCK);
    }
  }

  /** The postings of a word, or undefined. No lock: only when nobody builds any more. */
  find(text: Uint8Array, start: number, length: number, hash: number): Posting | undefined {
    const entry = this.findIn(this.bucketOf(hash), text, start, length, hash);
    if (entry === 0) return undefined;
    const u32 = this.heap.u32;
    const files = u32[(entry >>> 2) + ENTRY.FILES];
    const pairs = this.heap.view(Uint32Array, u32[(entry >>> 2) + ENTRY.POSTINGS], files * 2);
    return { pairs, files, occurrences: u32[(entry >>> 2) + ENTRY.OCCURRENCES] };
  }

  /** Frees all words of a range of buckets, whoever allocated them. Returns how many blocks that were. */
  freeWords(firstBucket: number, bucketEnd: number): number {
    const { heap } = this;
    const { u32 } = heap;
    let freedBlocks = 0;
    for (let n = firstBucket; n < bucketEnd; n++) {
      const head = this.ref.bucketsAddress / 4 + n * 2 + BUCKET.HEAD;
      let entry = u32[head];
      u32[head] = 0;
      while (entry !== 0) {
        const at = entry >>> 2;
        const [next, word, postings] = [u32[at + ENTRY.NEXT], u32[at + ENTRY.WORD], u32[at + ENTRY.POSTINGS]];
        // Address 0, of a record that an out-of-memory left unfinished, is legal to free and no block.
        freedBlocks += 1 + Number(word !== 0) + Number(postings !== 0);
        heap.free(word);
        heap.free(postings);
        heap.free(entry);
        entry = next;
      }
    }
    return freedBlocks;
  }

  freeTable(): void {
    this.heap.free(this.ref.bucketsAddress);
  }

  /** Index in the u32 view of the hash's bucket. */
  private bucketOf(hash: number): number {
    return this.ref.bucketsAddress / 4 + (mixed(hash) & (this.ref.bucketCount - 1)) * 2;
  }

  private findIn(bucket: number, text: Uint8Array, start: number, length: number, hash: number): number {
    // Read anew under the lock: an entry may lie in a part of the region that another worker added a moment ago.
    const { u32, u8 } = this.heap;
    let entry = u32[bucket + BUCKET.HEAD];
    while (entry !== 0) {
      const at = entry >>> 2;
      const isMatch = u32[at + ENTRY.HASH] === hash && u32[at + ENTRY.WORD_BYTES] === length;
      if (isMatch && sameBytes(u8, u32[at + ENTRY.WORD], text, start, length)) return entry;
      entry = u32[at + ENTRY.NEXT];
    }
    return 0;
  }

  /** Chains the record first and fills it then: if memory runs out half-way, all there is stays reachable for freeWords. */
  private insert(bucket: number, text: Uint8Array, start: number, length: number, hash: number): number {
    const { heap } = this;
    const entry = heap.calloc(ENTRY.BYTES);
    const at = entry >>> 2;
    heap.u32[at + ENTRY.NEXT] = heap.u32[bucket + BUCKET.HEAD];
    heap.u32[bucket + BUCKET.HEAD] = entry;
    const word = heap.malloc(length);
    const { u8, u32 } = heap;
    for (let i = 0; i < length; i++) u8[word + i] = text[start + i];
    u32[at + ENTRY.WORD] = word;
    u32[at + ENTRY.HASH] = hash;
    u32[at + ENTRY.WORD_BYTES] = length;
    return entry;
  }

  private addPosting(entry: number, file: number, count: number): void {
    const at = entry >>> 2;
    const files = this.heap.u32[at + ENTRY.FILES];
    if (files === this.heap.u32[at + ENTRY.CAPACITY]) this.growPostings(entry, files);
    const { u32 } = this.heap;
    const first = u32[at + ENTRY.POSTINGS] >>> 2;
    const end = first + files * 2;
    let place = end;
    // Files come in nearly ascending order: only those that other workers hold right now can still come before.
    while (place > first && u32[place - 2] > file) place -= 2;
    if (place < end) u32.copyWithin(place + 2, place, end);
    u32[place] = file;
    u32[place + 1] = count;
    u32[at + ENTRY.FILES] = files + 1;
    u32[at + ENTRY.OCCURRENCES] += count;
  }

  /** Doubles the room, so that n postings cost n copies in all and not n * n. */
  private growPostings(entry: number, files: number): void {
    const { heap } = this;
    const at = entry >>> 2;
    const capacity = files === 0 ? FIRST_CAPACITY : files * 2;
    const pairs =
      files === 0
        ? heap.allocUnsafe(Uint32Array, capacity * 2)
        : heap.resize(heap.view(Uint32Array, heap.u32[at + ENTRY.POSTINGS], files * 2), capacity * 2);
    heap.u32[at + ENTRY.POSTINGS] = heap.addressOf(pairs);
    heap.u32[at + ENTRY.CAPACITY] = capacity;
  }
}
