import * as atomics from '#atomics';
import { HeapError, type Heap } from '../index.js';
import { KIND_NAMES, checkRecord, makeRecord, type Kind } from '../records/index.js';
import { checkHeap } from './arguments.js';

/** What tells `Values` of one type from those of another. */
interface Named {
  readonly text: string;
}

/** Words that every record of this room begins with. */
export const enum CollectionWord {
  /** RecordWord. */
  X_KIND = 0,
  /** HolderBits of the lock; in a map there are more of them. */
  X_LOCK = 1,
  /** Who died inside last. */
  X_LOST = 2,
  /** Number of the text that names the types of values. Written before the kind is. */
  TYPE = 3,
  FIRST_OF_ITS_OWN = 4,
}

/** Allocates a record of zeros that says what it holds. `publishRecord` makes it one. */
export function makeCollection(heap: Heap, words: number, ...types: readonly Named[]): number {
  checkHeap('create', heap);
  const type = heap.intern(textOf(types));
  const address = makeRecord(heap, words);
  heap.i32[address / 4 + CollectionWord.TYPE] = type;
  return address;
}

/** Throws as `checkRecord` does, and ERR_HEAP_DEFINITION where the collection holds something else. */
export function checkCollection(
  heap: Heap,
  address: number,
  kind: Kind,
  words: number,
  ...types: readonly Named[]
): void {
  checkHeap(`${KIND_NAMES[kind]}.at`, heap);
  checkRecord(heap, address, kind, words);
  const there = heap.interned(atomics.load(heap.i32, address / 4 + CollectionWord.TYPE));
  const wanted = textOf(types);
  if (there === wanted) return;
  throw new HeapError(
    'ERR_HEAP_DEFINITION',
    `${KIND_NAMES[kind]}.at(${address}): it holds ${String(there)}, and not ${wanted}; open it with what it was made with`,
    { address, there, wanted },
  );
}

const textOf = (types: readonly Named[]): string => types.map(({ text }) => text).join(' to ');
