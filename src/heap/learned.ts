import { show } from '../base/errors.js';
import { refuse } from '../config/refuse.js';
import { CLASS_BYTES, Classes } from '../layout/classes.js';
import { CacheWord } from '../layout/offsets.generated.js';
import { LearningLog, LOG_HEADER } from '../learning/log.js';
import { files, type Files } from '../platform/files.js';
import { warnOnce } from '../platform/host.js';
import type { Owner } from '../slabs/owner.js';

/** What one worker makes of a class: as the options say, or as it has learned. */
export interface LearnedClass {
  readonly class: number;
  readonly blockBytes: number;
  /** Allocations of this worker that found the cache empty, and frees that found it full. */
  readonly cacheMisses: number;
  readonly cacheSpills: number;
  /** Most blocks that its cache holds, and that one refill takes. */
  readonly capacityBlocks: number;
  readonly refillBlocks: number;
  readonly emptySlabsKept: number;
}

/** What `heap.learned()` returns: a plain object, JSON-serialisable. */
export interface Learned {
  /** Growth of the heap, as a share of what is committed, after which this worker returns what caches and empty slabs hold. */
  readonly trimShare: number;
  /** Rows that learnLog lacks, because there was no room for them until somebody collected. */
  readonly droppedRows: number;
  /** The classes in which this worker has allocated. */
  readonly classes: readonly LearnedClass[];
}

export function learnedBy(owner: Owner): Learned {
  const { u32, i32 } = owner.region;
  const classes: LearnedClass[] = [];
  for (let classId = 1; classId <= Classes.COUNT; classId++) {
    const cache = owner.cache(classId);
    if (u32[cache + CacheWord.MISSES] === 0) continue;
    classes.push({
      class: classId,
      blockBytes: CLASS_BYTES[classId],
      cacheMisses: u32[cache + CacheWord.MISSES],
      cacheSpills: u32[cache + CacheWord.SPILLS],
      capacityBlocks: i32[cache + CacheWord.CAPACITY],
      refillBlocks: owner.refill[classId],
      emptySlabsKept: owner.emptySlabsKept[classId],
    });
  }
  return { trimShare: 2 ** -owner.trimShift, droppedRows: owner.learning?.log?.dropped ?? 0, classes };
}

function filesOfHost(): Files {
  const found = files();
  if (found === undefined) throw new Error('this runtime has no files');
  return found;
}

/** Begins the file: a path that can't be written is an error before there is a heap. */
export function beginLog(path: string): void {
  try {
    filesOfHost().writeFileSync(path, LOG_HEADER);
  } catch (error) {
    refuse(`option learnLog is ${show(path)}, which can't be written: ${String(error)}; give another path`, {
      option: 'learnLog',
      value: path,
      cause: error,
    });
  }
}

/** Gives the learners of a worker something to write into. */
export function openLog(owner: Owner): void {
  if (owner.learning !== undefined) owner.learning.log = new LearningLog();
}

/** Adds what was learned since the last time. A log is no reason to fail: rows that can't be written are dropped, and counted. */
export function writeLog(owner: Owner, path: string | undefined): void {
  if (path === undefined) return;
  try {
    owner.learning?.log?.drain((lines) => filesOfHost().appendFileSync(path, lines));
  } catch (error) {
    warnOnce(`learnLog ${show(path)} can't be written, rows are dropped: ${String(error)}`, 'Warning');
  }
}
