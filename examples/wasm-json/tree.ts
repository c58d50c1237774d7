/** Reads and changes in place what json.c builds. The offsets are those of its structs. */
import { type Heap } from 'sabmalloc';

export const Kind = { NULL: 0, FALSE: 1, TRUE: 2, NUMBER: 3, TEXT: 4, LIST: 5, OBJECT: 6 } as const;

const VALUE_BYTES = 16;
const MEMBER_BYTES = 12;
const CAPACITY_FIRST = 4;

/** A value is the address of its struct. */
export class Tree {
  private readonly decoder = new TextDecoder();

  constructor(private readonly heap: Heap) {}

  kind(value: number): number {
    return this.word(value);
  }

  /** Elements of a list, members of an object. */
  length(value: number): number {
    return this.word(value + 4);
  }

  number(value: number): number {
    return this.heap.f64[(value + 8) / 8];
  }

  text(value: number): string {
    return this.decode(this.word(value + 8), this.length(value));
  }

  element(list: number, index: number): number {
    return this.word(this.word(list + 8) + 4 * index);
  }

  /** The value of a member; 0 if there is none. */
  get(object: number, name: string): number {
    for (let i = 0; i < this.length(object); i++) {
      const member = this.word(object + 8) + MEMBER_BYTES * i;
      if (this.decode(this.word(member), this.word(member + 4)) === name) return this.word(member + 8);
    }
    return 0;
  }

  /** Takes the last element out of a list. */
  pop(list: number): number {
    const last = this.length(list) - 1;
    this.heap.u32[(list + 4) / 4] = last;
    return this.element(list, last);
  }

  /** Puts a value at the end of a list, which grows as in json.c. */
  push(list: number, value: number): void {
    const { heap } = this;
    const length = this.length(list);
    let elements = this.word(list + 8);
    const isFull = length === 0 || (length >= CAPACITY_FIRST && (length & (length - 1)) === 0);
    if (isFull) elements = heap.realloc(elements, 4 * Math.max(CAPACITY_FIRST, 2 * length));
    heap.u32.set([length + 1, elements], (list + 4) / 4);
    heap.u32[elements / 4 + length] = value;
  }

  /** A text that C will take for one of its own. */
  makeText(text: string): number {
    const { heap } = this;
    const bytes = new TextEncoder().encode(text);
    const copy = heap.malloc(bytes.length);
    heap.u8.set(bytes, copy);
    const value = heap.malloc(VALUE_BYTES);
    heap.u32.set([Kind.TEXT, bytes.length, copy], value / 4);
    return value;
  }

  /** Frees a value and everything below it, as json_drop does; returns how many blocks that were. */
  free(value: number): number {
    const { heap } = this;
    const kind = this.kind(value);
    let blocks = 1;
    if (kind >= Kind.TEXT && this.word(value + 8) !== 0) {
      if (kind === Kind.LIST) for (let i = 0; i < this.length(value); i++) blocks += this.free(this.element(value, i));
      if (kind === Kind.OBJECT) for (let i = 0; i < this.length(value); i++) blocks += this.freeMember(value, i);
      heap.free(this.word(value + 8));
      blocks++;
    }
    heap.free(value);
    return blocks;
  }

  private freeMember(object: number, index: number): number {
    const member = this.word(object + 8) + MEMBER_BYTES * index;
    const [name, , value] = this.heap.u32.subarray(member / 4);
    this.heap.free(name);
    return 1 + this.free(value);
  }

  private word(address: number): number {
    return this.heap.u32[address / 4];
  }

  private decode(address: number, length: number): string {
    // A copy: decoders take no shared memory.
    return this.decoder.decode(this.heap.u8.slice(address, address + length));
  }
}
