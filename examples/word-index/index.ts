/**
 * The inverted index: a map of the package from words to structs, for all workers at once. Two blocks more for each word are the
 * map's copy of it, and its postings: (file, count) pairs in ascending order of file, a Uint32Array that grows by `resize`.
 */
import { type Heap } from 'sabmalloc';
import { HashMap, structs, texts } from 'sabmalloc/collections';
import { struct, type StructOf, u32 } from 'sabmalloc/structs';
import { mutex } from 'sabmalloc/sync';

const Word = struct('Word', {
  /** Held by whoever changes what follows. */
  lock: mutex,
  /** Address of the pairs, how many there are, and how many fit. */
  postings: u32,
  files: u32,
  capacity: u32,
  occurrences: u32,
});
type Word = StructOf<typeof Word>;

/** Enough for any number of workers: they are locked one by one, each for the time of an insertion. */
const STRIPES = 64;
const FIRST_CAPACITY = 2;
/** Words, their copies, their postings. */
export const BLOCKS_PER_WORD = 3;

export class WordIndex {
  readonly map: HashMap<string, Word>;

  private constructor(
    private readonly heap: Heap,
    map: HashMap<string, Word>,
  ) {
    this.map = map;
  }

  /** `expectedWords`: a wrong guess costs time, nothing else. */
  static create(heap: Heap, expectedWords: number): WordIndex {
    const options = { stripes: STRIPES, capacity: Math.ceil(expectedWords) };
    return new WordIndex(heap, HashMap.create(heap, texts, structs(Word), options));
  }

  /** The index that another worker has made. */
  static at(heap: Heap, address: number): WordIndex {
    return new WordIndex(heap, HashMap.at(heap, address, texts, structs(Word)));
  }

  /** Adds `count` occurrences of a word in `file`. Call once per word and file. */
  add(text: string, file: number, count: number): void {
    const word = this.map.getOrInsert(text, () => Word.in(this.heap).create());
    const guard = word.lock.lock();
    try {
      this.addPosting(word, file, count);
    } finally {
      guard.unlock();
    }
  }

  private addPosting(word: Word, file: number, count: number): void {
    const { files } = word;
    if (files === word.capacity) this.growPostings(word);
    const { u32 } = this.heap;
    const first = word.postings >>> 2;
    const end = first + files * 2;
    let place = end;
    // Files come in nearly ascending order: only those that other workers hold right now can still come before.
    while (place > first && u32[place - 2] > file) place -= 2;
    if (place < end) u32.copyWithin(place + 2, place, end);
    u32[place] = file;
    u32[place + 1] = count;
    word.files = files + 1;
    word.occurrences += count;
  }

  /** Doubles the room, so that n postings cost n copies in all and not n * n. */
  private growPostings(word: Word): void {
    const { heap } = this;
    const capacity = word.capacity === 0 ? FIRST_CAPACITY : word.capacity * 2;
    const pairs =
      word.capacity === 0
        ? heap.allocUnsafe(Uint32Array, capacity * 2)
        : heap.resize(this.pairsOf(word), capacity * 2);
    word.postings = heap.addressOf(pairs);
    word.capacity = capacity;
  }

  /** The (file, count) pairs of a word where they lie, or undefined. For when nobody builds any more. */
  postingsOf(text: string): Uint32Array | undefined {
    const word = this.map.get(text);
    return word === undefined ? undefined : this.pairsOf(word);
  }

  private pairsOf(word: Word): Uint32Array {
    return this.heap.view(Uint32Array, word.postings, word.files * 2);
  }

  /** Takes a word out and frees it, whoever allocated it. Returns how many blocks that were. */
  free(text: string): number {
    const word = this.map.take(text);
    if (word === undefined) return 0;
    // Address 0, of a word whose first posting found no room, is legal to free and no block.
    const blocks = word.postings === 0 ? BLOCKS_PER_WORD - 1 : BLOCKS_PER_WORD;
    this.heap.free(word.postings);
    word.free();
    return blocks;
  }
}
