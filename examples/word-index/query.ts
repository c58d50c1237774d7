/** Answers from the postings where they lie in shared memory: nothing is copied but the few files that are shown. */
import { type Posting, type SharedIndex } from './shared-index.js';
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

export function answer(index: SharedIndex, query: string, paths: readonly string[]): Answer {
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
function postingsOf(index: SharedIndex, query: string): Posting[] {
  const text = new TextEncoder().encode(query);
  const words = new TextWords();
  words.read(text);
  const found: (Posting | undefined)[] = [];
  words.forEach((start, length, hash) => found.push(index.find(text, start, length, hash)));
  const known = found.filter((posting) => posting !== undefined);
  return known.length < found.length ? [] : known.sort((a, b) => a.files - b.files);
}

/** Walks the shortest list and looks each of its files up in the others; all are in order of file. */
function forEachCommonFile(postings: readonly Posting[], visit: (file: number, count: number) => void): void {
  if (postings.length === 0) return;
  const [shortest, ...others] = postings;
  const cursors = others.map(() => 0);
  for (let n = 0; n < shortest.files; n++) {
    const file = shortest.pairs[n * 2];
    let count = shortest.pairs[n * 2 + 1];
    let isInAll = true;
    for (let i = 0; i < others.length && isInAll; i++) {
      const other = others[i];
      cursors[i] = firstAtLeast(other, file, cursors[i]);
      isInAll = cursors[i] < other.files && other.pairs[cursors[i] * 2] === file;
      if (isInAll) count += other.pairs[cursors[i] * 2 + 1];
    }
    if (isInAll) visit(file, count);
  }
}

/** The first posting from `from` on whose file isn't before `file`. */
function firstAtLeast(posting: Posting, file: number, from: number): number {
  let low = from;
  let high = posting.files;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (posting.pairs[middle * 2] < file) low = middle + 1;
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
