/**
 * What the piscina workers do: `build` puts parcels of files into the index, `release` frees a share of it, and before
 * either `attach` makes the thread a worker of the heap.
 */
import { workerData } from 'node:worker_threads';
import { Heap, HeapError } from 'sabmalloc';
import { TextReader, type Parcel, type SkipReason } from './files.js';
import { SharedIndex, type IndexRef } from './shared-index.js';
import { TextWords } from './words.js';

export interface WorkerSetup {
  readonly token: Heap['token'];
  readonly index: IndexRef;
}

export interface BuildResult {
  files: number;
  bytes: number;
  words: number;
  /** Words that no file had before. */
  newWords: number;
  /** (word, file) pairs. */
  postings: number;
  overlongWords: number;
  readonly skipped: Record<SkipReason, number>;
}

export interface BucketRange {
  readonly firstBucket: number;
  readonly bucketEnd: number;
}

const setup = workerData as WorkerSetup;
const reader = new TextReader();
const words = new TextWords();
/** Held for the life of the thread: a heap that is dropped is left. */
let index: SharedIndex | undefined;

/** Attaches this thread to the heap, once. */
export function attach(): void {
  named(() => (index ??= SharedIndex.at(Heap.attach(setup.token), setup.index)));
}

export function build(parcel: Parcel): BuildResult {
  const skipped = { binary: 0, tooLarge: 0, unreadable: 0 };
  const result: BuildResult = { files: 0, bytes: 0, words: 0, newWords: 0, postings: 0, overlongWords: 0, skipped };
  named(() => {
    parcel.paths.forEach((path, n) => {
      const text = reader.read(path);
      if (typeof text === 'string') skipped[text]++;
      else indexText(text, parcel.firstFile + n, result);
    });
  });
  return result;
}

export function release(range: BucketRange): number {
  return named(() => attachedIndex().freeWords(range.firstBucket, range.bucketEnd));
}

function indexText(text: Uint8Array, file: number, result: BuildResult): void {
  const shared = attachedIndex();
  words.read(text);
  words.forEach((start, length, hash, count) => {
    if (shared.add(text, start, length, hash, file, count)) result.newWords++;
    result.postings++;
  });
  result.files++;
  result.bytes += text.length;
  result.words += words.words;
  result.overlongWords += words.overlongWords;
}

function attachedIndex(): SharedIndex {
  if (index === undefined) throw new Error('word-index: a task came before attach');
  return index;
}

/** Errors travel between threads without their own properties: the code goes into the message. */
function named<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof HeapError) throw new Error(`${error.code}: ${error.message}`, { cause: error });
    throw error;
  }
}
