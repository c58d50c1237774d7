/** Answers from the postings where they lie in shared memory: nothing is copied but the few files that are shown. */
import { type WordIndex } from './index.js';
import { TextWords } from './words.js';

const FILES_SHOWN = 3;

export interface RankedFile {
  readonly path: string;
  readonly occurrences: number;
}

export interface Answer {
  readonly query: string;
  /** Files that hold every word of the query. */
  readonly files: number;
  /** Occurrences of all its words in those files. */
  readonly occurrences: number;
  /** The files with the most occurrences. */
  readonly top: readonly RankedFile[];
  readonly microseconds: number;
}

export function answer(index: WordIndex, query: string, paths: readonly string[]): Answer {
  const start = performance.now();
  const postings = postingsOf(index, query);
  const top: RankedFile[] = [];
  let files = 0;
  let occurrences = 0;
  forEachCommonFile(postings, (file, count) => {
    files++;
    occurrences += count;
    rank(top, { path: paths[file], occurrences: count });
  });
  return { query, files, occurrences, top, microseconds: (performance.now() - start) * 1000 };
}

/** The postings of every word of the query, the shortest first; none if one of the words is in no file. */
function postingsOf(index: WordIndex, query: string): Uint32Array[] {
  const words = new TextWords();
  words.read(Buffer.from(query));
  const found: (Uint32Array | undefined)[] = [];
  words.forEach((word) => found.push(index.postingsOf(word)));
  const known = found.filter((postings) => postings !== undefined);
  return known.length < found.length ? [] : known.sort((a, b) => a.length - b.length);
}

/** Walks the shortest list and looks each of its files up in the others; all are in order of file. */
function forEachCommonFile(postings: readonly Uint32Array[], visit: (file: number, count: number) => void): void {
  if (postings.length === 0) return;
  const [shortest, ...others] = postings;
  const cursors = others.map(() => 0);
  for (let n = 0; n < shortest.length; n += 2) {
    const file = shortest[n];
    let count = shortest[n + 1];
    const isInAll = others.every((pairs, i) => {
      const at = (cursors[i] = firstAtLeast(pairs, file, cursors[i]));
      count += pairs[at * 2 + 1];
      return pairs[at * 2] === file;
    });
    if (isInAll) visit(file, count);
  }
}

/** The first pair from `from` on whose file isn't before `file`. */
function firstAtLeast(pairs: Uint32Array, file: number, from: number): number {
  let low = from;
  let high = pairs.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (pairs[middle * 2] < file) low = middle + 1;
    else high = middle;
  }
  return low;
}

function rank(top: RankedFile[], candidate: RankedFile): void {
  const place = top.findIndex((file) => candidate.occurrences > file.occurrences);
  if (place === -1 && top.length === FILES_SHOWN) return;
  top.splice(place === -1 ? top.length : place, 0, candidate);
  if (top.length > FILES_SHOWN) top.pop();
}
