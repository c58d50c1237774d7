/**
 * The inverted index: a map from words to structs, for all workers at once. Two more blocks for each word are the map's copy of it, and its
 * postings: (file, count) pairs in ascending order of file, which move by `realloc` as they grow.
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
});
type Word = StructOf<typeof Word>;

/** Each is locked by itself, and only while a word is put in or taken out. */
export const STRIPES = 64;
const FIRST_CAPACITY = 2;
const PAIR_BYTES = 8;

export class WordIndex {
  private readonly newWord = () => Word.in(this.heap).create();

  private constructor(
    private readonly heap: Heap,
    readonly map: HashMap<string, Word>,
  ) {}

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
    const word = this.map.getOrInsert(text, this.newWord);
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
  }

  /** Doubles the room, so that n postings cost n copies in all and not n * n. */
  private growPostings(word: Word): void {
    const capacity = Math.max(word.capacity * 2, FIRST_CAPACITY);
    word.postings = this.heap.realloc(word.postings, capacity * PAIR_BYTES);
    word.capacity = capacity;
  }

  /** The (file, count) pairs of a word where they lie, or undefined. For when nobody builds any more. */
  postingsOf(text: string): Uint32Array | undefined {
    const word = this.map.get(text);
    return word === undefined ? undefined : this.heap.view(Uint32Array, word.postings, word.files * 2);
  }

  /** Takes out the words of one stripe and frees them, whoever allocated them. Returns how many blocks that were. */
  freeStripe(index: number): number {
    let blocks = 0;
    for (const text of this.map.keys({ index, of: STRIPES })) {
      const word = this.map.take(text);
      if (word === undefined) continue;
      // Address 0, of a word whose first posting found no room, is legal to free and no block.
      blocks += word.postings === 0 ? 2 : 3;
      this.heap.free(word.postings);
      word.free();
    }
    return blocks;
  }
}
