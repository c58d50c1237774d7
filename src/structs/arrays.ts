import { HeapError, SHAREABLE, type ShareableForm } from '../index.js';
import type { ArrayType } from './composite.js';
import { badDefinition, badValue, type NumberArray, show } from './field.js';
import { free, type Owner, roomFor } from './free.js';
import { type ColumnHandle, FREED } from './handles.js';
import { HEADER_BYTES, Kind } from './header.js';
import type { BoundField } from './layout.js';
import type { Scalar } from './scalars.js';
import { pictureOfArray, SHOW, Shown } from './show.js';
import type { StructPart } from './types.js';

/** As many as the header of a block can tell. */
const LENGTH_MAX = 2 ** 30 - 1;

/** One object that goes through an array: `for (const c = rows.cursor(); c.next();) sum += c.item.mass`. */
export interface Cursor<Item> {
  /** The element the cursor is at; the same object all the time. Before the first `next` it must not be used. */
  readonly item: Item;
  readonly index: number;
  /** Goes to the next element; false behind the last one. */
  next(): boolean;
  /** Goes to any element. */
  to(index: number): void;
  /** Goes before the first element. */
  reset(): void;
}

/** The definition of the elements in the heap. */
interface Elements<Name extends string, F> extends Owner {
  readonly bound: readonly BoundField[];
  partAt(at: number): StructPart<Name, F>;
  columnItem(room: number): ColumnHandle;
}

/** What both kinds of arrays have in common: a block of structs, and whether it is still there. */
abstract class StructArray<Name extends string, F> extends Shown {
  readonly length: number;
  /** @internal */
  readonly bound: Elements<Name, F>;
  /** @internal Of the first element; FREED after free(). */
  start: number;
  protected abstract readonly kind: Kind;

  /** @internal */
  constructor(bound: Elements<Name, F>, block: number, length: number) {
    super();
    this.bound = bound;
    this.start = block + HEADER_BYTES;
    this.length = length;
  }

  /** Of its block: what `arrayAt` and `columnsAt` take in another worker. */
  get address(): number {
    return this.start - HEADER_BYTES;
  }

  /** Frees the array and what its elements own. Elements and cursors must not be used any more. */
  free(): void {
    free(this.bound, this.address, this.kind);
    this.start = FREED;
  }

  /** `free()` at the end of a `using`, unless this object was freed before. */
  [Symbol.dispose](): void {
    if (this.start !== FREED) this.free();
  }

  /** Goes through the elements without making an object for each. */
  abstract cursor(): Cursor<StructPart<Name, F>>;

  /** @internal */
  abstract readonly blockBytes: number;

  [SHAREABLE](): ShareableForm {
    return this.bound.headers.formOf(this.address, this.blockBytes);
  }

  [SHOW](inspect: (value: unknown) => string): string {
    const name = `${this.bound.definition.name}[${this.length}]`;
    if (this.start === FREED) return `${name} (freed)`;
    const cursor = this.cursor();
    const at = (index: number): unknown => {
      cursor.to(index);
      return cursor.item;
    };
    return pictureOfArray(`${name} @0x${this.address.toString(16)}`, this.length, at, inspect);
  }

  /** @internal */
  checkIndex(index: number): void {
    if (index >>> 0 === index && index < this.length) return;
    throw badValue(`${show(index)} is no index of an array of ${this.length}`, index);
  }
}

function checkLength(length: number): void {
  if (Number.isInteger(length) && length >= 0 && length <= LENGTH_MAX) return;
  throw new HeapError(
    'ERR_HEAP_INVALID_SIZE',
    `an array of structs has a length from 0 to ${LENGTH_MAX}, not ${show(length)}`,
    {
      length,
    },
  );
}

/** An array of structs, one behind the other. */
export class Rows<Name extends string, F> extends StructArray<Name, F> {
  protected readonly kind = Kind.ROWS;

  /** @internal */
  static create<Name extends string, F>(bound: Elements<Name, F>, length: number): Rows<Name, F> {
    checkLength(length);
    const block = bound.headers.allocate(Kind.ROWS, length, length * bound.strideBytes);
    bound.headers.publish(block);
    return new Rows(bound, block, length);
  }

  /** @internal */
  static open<Name extends string, F>(bound: Elements<Name, F>, block: number): Rows<Name, F> {
    const length = bound.headers.check(block, Kind.ROWS);
    bound.heap.usableSize(block);
    bound.views.cover(block + HEADER_BYTES + length * bound.strideBytes);
    return new Rows(bound, block, length);
  }

  /** An object for one element. */
  at(index: number): StructPart<Name, F> {
    this.checkIndex(index);
    return this.bound.partAt((this.start + index * this.bound.strideBytes) | 0);
  }

  *[Symbol.iterator](): Iterator<StructPart<Name, F>> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  cursor(): Cursor<StructPart<Name, F>> {
    return new RowCursor(this);
  }

  get blockBytes(): number {
    return HEADER_BYTES + this.length * this.bound.strideBytes;
  }
}

class RowCursor<Name extends string, F> implements Cursor<StructPart<Name, F>> {
  readonly item: StructPart<Name, F>;
  index = -1;
  private readonly rows: Rows<Name, F>;
  private readonly handle: { $at: number };
  private readonly length: number;
  private readonly strideBytes: number;

  constructor(rows: Rows<Name, F>) {
    this.rows = rows;
    this.item = rows.bound.partAt(FREED);
    this.handle = this.item as unknown as { $at: number };
    this.length = rows.length;
    this.strideBytes = rows.bound.strideBytes;
  }

  next(): boolean {
    const index = this.index + 1;
    if (index >= this.length) return false;
    this.index = index;
    this.handle.$at = (this.rows.start + Math.imul(index, this.strideBytes)) | 0;
    return true;
  }

  to(index: number): void {
    this.rows.checkIndex(index);
    this.index = index - 1;
    this.next();
  }

  reset(): void {
    this.index = -1;
    this.handle.$at = FREED;
  }
}

/** The view of a column: a typed array, for fields that are numbers or arrays of them. */
export type ColumnOf<T> =
  T extends Scalar<number | bigint, infer View>
    ? unknown extends View
      ? T extends ArrayType<infer Value, never, unknown>
        ? Extract<Value, NumberArray>
        : never
      : Extract<View, NumberArray>
    : T extends ArrayType<infer Value, never, unknown>
      ? Extract<Value, NumberArray>
      : never;

/** An array of structs, field by field. */
export class Columns<Name extends string, F> extends StructArray<Name, F> {
  protected readonly kind = Kind.COLUMNS;
  /** @internal */
  readonly room: number;

  private constructor(bound: Elements<Name, F>, block: number, length: number) {
    super(bound, block, length);
    this.room = roomFor(length);
  }

  /** @internal */
  static create<Name extends string, F>(bound: Elements<Name, F>, length: number): Columns<Name, F> {
    checkLength(length);
    const block = bound.headers.allocate(Kind.COLUMNS, length, columnBytes(bound, length));
    bound.headers.publish(block);
    return new Columns(bound, block, length);
  }

  /** @internal */
  static open<Name extends string, F>(bound: Elements<Name, F>, block: number): Columns<Name, F> {
    const length = bound.headers.check(block, Kind.COLUMNS);
    bound.heap.usableSize(block);
    bound.views.cover(block + HEADER_BYTES + columnBytes(bound, length));
    return new Columns(bound, block, length);
  }

  /** All values of a field, or of a field of numbers in a row: a typed array over them, as long as the array lives. */
  column<K extends keyof F & string>(name: K): ColumnOf<F[K]> {
    const field = this.bound.bound.find((each) => each.name === name);
    const { numbers } = field?.type ?? {};
    if (field === undefined || numbers === undefined || name.includes('.'))
      throw badDefinition(`${this.bound.definition.name} has no field ${show(name)} of numbers; use a cursor`, {
        field: name,
      });
    const at = this.start + this.room * this.bound.definition.layout.units[field.unit].prefixBytes;
    return new numbers.constructor(this.bound.views.u8.buffer, at, this.length * numbers.length) as ColumnOf<F[K]>;
  }

  cursor(): Cursor<StructPart<Name, F>> {
    return new ColumnCursor(this);
  }

  get blockBytes(): number {
    return HEADER_BYTES + columnBytes(this.bound, this.length);
  }
}

function columnBytes<Name extends string, F>({ definition }: Elements<Name, F>, length: number): number {
  const { prefixBytes, strideBytes } = definition.layout.units.at(-1)!;
  return roomFor(length) * (prefixBytes + strideBytes);
}

class ColumnCursor<Name extends string, F> implements Cursor<StructPart<Name, F>> {
  readonly item: StructPart<Name, F>;
  private readonly columns: Columns<Name, F>;
  private readonly handle: { $at: number; $index: number };
  private readonly length: number;

  constructor(columns: Columns<Name, F>) {
    this.columns = columns;
    const item = columns.bound.columnItem(columns.room);
    this.item = item as unknown as StructPart<Name, F>;
    this.handle = item;
    this.length = columns.length;
  }

  get index(): number {
    return this.handle.$index;
  }

  next(): boolean {
    const index = this.handle.$index + 1;
    if (index >= this.length) return false;
    this.handle.$at = this.columns.start | 0;
    this.handle.$index = index;
    return true;
  }

  to(index: number): void {
    this.columns.checkIndex(index);
    this.handle.$index = index - 1;
    this.next();
  }

  reset(): void {
    this.handle.$index = -1;
    this.handle.$at = FREED;
  }
}
