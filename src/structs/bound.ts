import { type Heap, SHAREABLE, type ShareableForm } from '../index.js';
import { Columns, Rows } from './arrays.js';
import { alignUp, badDefinition, badValue, type Binding, type Referred, show } from './field.js';
import { ColumnHandle, defineColumn, defineField, FREED, Handle } from './handles.js';
import { Headers, HEADER_BYTES, Kind } from './header.js';
import { type BoundField, type Definition, flatten, type Owned, ownedIn } from './layout.js';
import { free } from './free.js';
import { addressShared } from './shared.js';
import { picture, plainValue, SHOW, shownField, TITLE } from './show.js';
import type { Initial, Struct, StructPart } from './types.js';
import { Views } from '../records/index.js';

/** One set of views for all definitions of a heap. */
const viewsOf = new WeakMap<Heap, Views>();

function openViews(heap: Heap): Views {
  let views = viewsOf.get(heap);
  if (views === undefined) viewsOf.set(heap, (views = new Views(heap)));
  return views;
}

interface HandleClass<T extends Handle = Handle> {
  readonly prototype: T;
  new (at: number, room: number): T;
}

/** The structs of one definition in one heap. Like the heap, it is for the thread that made it. */
export class Bound<Name extends string = string, F = unknown> implements Referred {
  readonly definition: Definition<Name>;
  readonly heap: Heap;
  /** @internal */
  readonly views: Views;
  /** @internal */
  readonly headers: Headers;
  /** @internal Fields, and behind them what has a flat name. */
  readonly bound: readonly BoundField[];
  /** @internal */
  readonly owned: readonly Owned[];
  /** @internal Bytes from one element of an array to the next. */
  readonly strideBytes: number;
  private readonly byName: ReadonlyMap<string, BoundField>;
  private readonly Part: HandleClass;
  private readonly Whole: HandleClass;
  private readonly ColumnItem: HandleClass<ColumnHandle>;

  /** @internal */
  constructor(definition: Definition<Name>, heap: Heap) {
    const { layout } = definition;
    this.definition = definition;
    this.heap = heap;
    this.views = openViews(heap);
    this.headers = new Headers(heap, this.views, definition.name, definition.definition);
    this.bound = bindFields(layout, { heap, views: this.views, holder: definition });
    this.owned = ownedIn(layout.placed, definition);
    this.strideBytes = alignUp(layout.bytes, layout.alignment);
    this.byName = new Map(this.bound.slice(0, layout.placed.length).map((field) => [field.name, field]));
    this.Part = partClass(this);
    this.Whole = wholeClass(this, this.Part);
    this.ColumnItem = columnClass(this);
    for (const type of [this.Part, this.Whole, this.ColumnItem]) new type(FREED, 0);
  }

  /** A new struct: zero, but for what is given. Throws ERR_HEAP_VALUE for a value that doesn't fit, having allocated nothing. */
  create(initial?: Initial<Name, F>): Struct<Name, F> {
    const block = this.headers.allocate(Kind.STRUCT, 1, this.definition.bytes);
    try {
      if (initial !== undefined) this.fill((block + HEADER_BYTES) | 0, initial);
    } catch (error) {
      this.heap.free(block);
      throw error;
    }
    this.headers.publish(block);
    return this.wholeAt(block);
  }

  /**
   * The struct at the address that another worker has sent. Throws ERR_HEAP_INVALID_ADDRESS if there is none, and ERR_HEAP_DEFINITION,
   * naming the field, if it is of another definition.
   */
  at(address: number): Struct<Name, F> {
    this.headers.check(address, Kind.STRUCT);
    this.heap.usableSize(address);
    return this.follow(address);
  }

  /**
   * The struct of a handle that `heap.share` made, in whatever worker. Throws ERR_HEAP_STALE_HANDLE, ERR_HEAP_DEFINITION, naming the
   * field, if it is of another definition, and ERR_HEAP_VALUE for the handle of something else.
   */
  open(handle: number): Struct<Name, F> {
    return this.at(addressShared(this, handle));
  }

  /** The array of a handle. */
  openArray(handle: number): Rows<Name, F> {
    return this.arrayAt(addressShared(this, handle));
  }

  /** The columns of a handle. */
  openColumns(handle: number): Columns<Name, F> {
    return this.columnsAt(addressShared(this, handle));
  }

  /** An array of new structs, each behind the other: for code that uses most fields of one before it goes to the next. */
  array(length: number): Rows<Name, F> {
    return Rows.create(this, length);
  }

  /** The array at the address that another worker has sent. */
  arrayAt(address: number): Rows<Name, F> {
    return Rows.open(this, address);
  }

  /** An array of new structs, each field behind the same one of the others: for code that goes through all values of a few fields. */
  columns(length: number): Columns<Name, F> {
    return Columns.create(this, length);
  }

  /** The columns at the address that another worker has sent. */
  columnsAt(address: number): Columns<Name, F> {
    return Columns.open(this, address);
  }

  /** `struct.free()`. */
  free(struct: Struct<Name, F>): void {
    if (!(struct instanceof this.Whole)) throw this.foreign(struct);
    struct.free();
  }

  /** The struct that a reference led to: `at`, without asking the heap whether the block is live. */
  follow(address: number): Struct<Name, F> {
    this.headers.check(address, Kind.STRUCT);
    this.views.cover(address + HEADER_BYTES + this.definition.bytes);
    return this.wholeAt(address);
  }

  /** What a reference to a struct holds. Throws ERR_HEAP_VALUE for anything that is none of this definition and heap. */
  addressOf(value: unknown): number {
    if (value instanceof this.Whole) return (value as unknown as Struct<Name, F>).address;
    throw this.foreign(value);
  }

  /** @internal */
  partAt(at: number): StructPart<Name, F> {
    return new this.Part(at, 0) as unknown as StructPart<Name, F>;
  }

  /** @internal */
  columnItem(room: number): ColumnHandle {
    return new this.ColumnItem(FREED, room);
  }

  private wholeAt(block: number): Struct<Name, F> {
    return new this.Whole((block + HEADER_BYTES) | 0, 0) as unknown as Struct<Name, F>;
  }

  /** @internal */
  fill(at: number, initial: Initial<Name, F>): void {
    if (typeof initial !== 'object' || (initial as unknown) === null)
      throw badValue(`${show(initial)} is no object with fields of ${this.definition.name}`, initial);
    for (const [name, value] of Object.entries(initial)) {
      const field = this.byName.get(name);
      if (field === undefined)
        throw badValue(
          `${this.definition.name} has no field ${name}; it has ${[...this.byName.keys()].join(', ')}`,
          name,
        );
      if (value === undefined) continue;
      const write = field.accessor.init ?? field.accessor.set;
      if (write === undefined) throw badValue(`field ${name} of ${this.definition.name} takes no value`, value);
      write((at + field.offset) | 0, value);
    }
  }

  private foreign(value: unknown): Error {
    const { name } = this.definition;
    return badValue(
      `${show(value)} is no ${name} that create or at of this heap returned; structs within others and in arrays can't be referred to`,
      value,
    );
  }
}

function bindFields({ placed }: Definition['layout'], binding: Binding): BoundField[] {
  const names = new Set<string>();
  return [...placed, ...placed.flatMap(flatten)].map((field) => {
    if (names.has(field.name))
      throw badDefinition(`${binding.holder.name} has two fields named ${field.name}`, { field: field.name });
    names.add(field.name);
    return { ...field, accessor: field.type.bind(binding) };
  });
}

/** The class of structs within others and in arrays: the fields. */
function partClass<Name extends string, F>({ definition, bound }: Bound<Name, F>): HandleClass {
  const Part = shown(Handle, definition);
  for (const { name, offset, accessor } of bound) defineField(Part.prototype, name, offset, accessor);
  return Part;
}

/** The class of elements of columns. */
function columnClass<Name extends string, F>({ definition, bound }: Bound<Name, F>): HandleClass<ColumnHandle> {
  const Item = shown(ColumnHandle, definition);
  for (const { name, offset, unit, accessor } of bound) {
    const column = definition.layout.units[unit];
    defineColumn(Item.prototype, name, offset - column.offset, column, accessor);
  }
  return Item;
}

/** A class of handles that shows its fields. */
function shown<T extends Handle>(base: HandleClass<T>, definition: Definition): HandleClass<T> {
  const fields = definition.layout.placed.map(({ name }) => name);
  class Fields extends (base as HandleClass) {
    toObject(): Record<string, unknown> {
      const values = this as unknown as Record<string, unknown>;
      return Object.fromEntries(fields.map((name) => [name, plainValue(values[name])]));
    }

    override [SHOW](inspect: (value: unknown) => string): string {
      if (this.$at === FREED) return `${definition.name} (freed)`;
      const values = this as unknown as Record<string, unknown>;
      const read = fields.map((name) => [name, shownField(() => values[name])] as const);
      return picture(this[TITLE](), Object.fromEntries(read), inspect);
    }

    [TITLE](): string {
      return definition.name;
    }
  }
  return Fields as unknown as HandleClass<T>;
}

/** The class of structs in blocks of their own. */
function wholeClass<Name extends string, F>(bound: Bound<Name, F>, Part: HandleClass): HandleClass {
  const { definition, headers } = bound;
  class Whole extends (Part as HandleClass<Handle & { [TITLE](): string }>) {
    get address(): number {
      return (this.$at - HEADER_BYTES) >>> 0;
    }

    free(): void {
      free(bound, this.address, Kind.STRUCT);
      this.$at = FREED;
    }

    [Symbol.dispose](): void {
      if (this.$at !== FREED) this.free();
    }

    [SHAREABLE](): ShareableForm {
      return headers.formOf(this.address, HEADER_BYTES + definition.bytes);
    }

    override [TITLE](): string {
      return `${definition.name} @0x${this.address.toString(16)}`;
    }
  }
  return Whole;
}
