import * as atomics from '#atomics';
import { type Heap, HeapError, type ShareableForm } from '../index.js';
import { differenceBetween } from './difference.js';
import type { Views } from '../records/index.js';

/** What a block holds, in the low bits of the second word of its header. */
export const enum Kind {
  STRUCT = 1,
  /** A struct's fields one behind the other, and then the next struct. */
  ROWS = 2,
  /** All values of the first field, and then those of the next. */
  COLUMNS = 3,
  BITS = 2,
  MASK = 3,
}

/** Every block begins with two words: which definition, and Kind with the number of elements above. */
export const HEADER_BYTES = 8;

/** Above the number of the definition's text: what other memory hardly ever holds. */
const TAG = 0x15ab57 << 10;
const NUMBER_MASK = 0x3ff;

/** The headers of the blocks that one definition has in one heap. */
export class Headers {
  private readonly heap: Heap;
  private readonly views: Views;
  private readonly text: string;
  private readonly name: string;
  private word = 0;

  constructor(heap: Heap, views: Views, name: string, text: string) {
    this.heap = heap;
    this.views = views;
    this.name = name;
    this.text = text;
  }

  /** What names the definition in this heap, for every worker. The first use writes its text into the region. */
  get id(): number {
    this.enter();
    return this.word;
  }

  /** Before there is a block: the text may find no room. */
  private enter(): void {
    if (this.word === 0) this.word = TAG | this.heap.intern(this.text);
  }

  /** A zeroed block with room for a header and `bytes` bytes. Without its first word it is nothing yet. */
  allocate(kind: Kind, count: number, bytes: number): number {
    this.enter();
    const block = this.heap.calloc(HEADER_BYTES + bytes);
    this.views.cover(block + HEADER_BYTES + bytes);
    this.views.i32[(block >>> 2) + 1] = (count << Kind.BITS) | kind;
    return block;
  }

  /** The block is what its header says from now on. */
  publish(block: number): void {
    atomics.store(this.views.i32, block >>> 2, this.id);
  }

  /** Number of elements. Throws if the definition of the block, or what it holds, is another one. */
  check(block: number, kind: Kind): number {
    const word = this.wordAt(block);
    if (word !== this.id) throw this.mismatch(block, word);
    const second = this.views.i32[(block >>> 2) + 1];
    if ((second & Kind.MASK) !== kind)
      throw new HeapError(
        'ERR_HEAP_INVALID_ADDRESS',
        `there is ${kindText(second)} of ${this.name} at ${block}, not ${kindText(kind)}; open it by ${['', 'at', 'arrayAt', 'columnsAt'][second & Kind.MASK]}`,
        { address: block, struct: this.name },
      );
    return second >>> Kind.BITS;
  }

  /** A block as `heap.share` wants it: the text of the definition names its type, the second word of its header stands for its length. */
  formOf(block: number, byteLength: number): ShareableForm {
    return { address: block, byteLength, type: this.text, length: this.views.u32[(block >>> 2) + 1] };
  }

  /** Takes the block for freeing it. False if it has been taken before; throws if it is another definition's. */
  claim(block: number): boolean {
    const word = this.wordAt(block);
    if (word === 0) return false;
    if (word !== this.id) throw this.mismatch(block, word);
    // Of several that free it at once, the one that clears the word goes on.
    return atomics.compareExchange(this.views.i32, block >>> 2, word, 0) === word;
  }

  private wordAt(block: unknown): number {
    const isPlace = typeof block === 'number' && block >>> 0 === block && block !== 0 && (block & 15) === 0;
    if (isPlace && this.views.cover(block + HEADER_BYTES)) return this.views.i32[block >>> 2];
    throw new HeapError(
      'ERR_HEAP_INVALID_ADDRESS',
      `${String(block)} is no address of a ${this.name}; pass the address of one`,
      { address: block, struct: this.name },
    );
  }

  private mismatch(block: number, word: number): HeapError {
    const there = (word & ~NUMBER_MASK) === TAG ? this.heap.interned(word & NUMBER_MASK) : undefined;
    if (there === undefined)
      return new HeapError(
        'ERR_HEAP_INVALID_ADDRESS',
        `there is no ${this.name} at ${block}: it was freed, or never was a struct`,
        { address: block, struct: this.name },
      );
    const { message, field } = differenceBetween(this.text, there);
    return new HeapError('ERR_HEAP_DEFINITION', `at ${block}: ${message}`, {
      address: block,
      struct: this.name,
      ...(field !== undefined && { field }),
    });
  }
}

function kindText(second: number): string {
  return ['something', 'a struct', 'an array', 'an array of columns'][second & Kind.MASK];
}
