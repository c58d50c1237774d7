import fc from 'fast-check';
import { type Heap } from 'sabmalloc';
import {
  array,
  bits,
  bool,
  choice,
  f16,
  f32,
  f64,
  i16,
  i32,
  i64,
  i8,
  optional,
  ref,
  struct,
  u16,
  u32,
  u64,
  u8,
  utf8,
  type Fields,
  type FieldType,
} from 'sabmalloc/structs';
import { describe, expect, it } from 'vitest';
import { empty } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { runs } from '../kit/random.js';

const create = heapsOfTest();

/** A type of fields, and values that it gives back as they were put in. */
interface Kind {
  readonly type: FieldType;
  readonly value: fc.Arbitrary<unknown>;
}

const signed = (width: number): fc.Arbitrary<number> =>
  fc.integer({ min: -(2 ** (width - 1)), max: 2 ** (width - 1) - 1 });
const unsigned = (width: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: 2 ** width - 1 });
const COLOURS = ['red', 'green', 'blue'] as const;

const simple: fc.Arbitrary<Kind> = fc.oneof(
  fc.constantFrom<Kind>(
    { type: i8, value: signed(8) },
    { type: u8, value: unsigned(8) },
    { type: i16, value: signed(16) },
    { type: u16, value: unsigned(16) },
    { type: i32, value: signed(32) },
    { type: u32, value: unsigned(32) },
    { type: f32, value: fc.float() },
    { type: f64, value: fc.double() },
    { type: i64, value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
    { type: u64, value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
    { type: f16, value: fc.integer({ min: -2048, max: 2048 }) },
    { type: bool, value: fc.boolean() },
    { type: choice(...COLOURS), value: fc.constantFrom(...COLOURS) },
  ),
  fc.integer({ min: 1, max: 32 }).map((count): Kind => ({ type: bits(count), value: unsigned(count) })),
  fc.constantFrom(1, 9, 40, 255, 256, 700).map((bytes): Kind => ({
    type: utf8(bytes),
    value: fc
      .string({ unit: 'binary', maxLength: bytes })
      .filter(
        (text) => new TextEncoder().encode(text).length <= bytes && text.isWellFormed() && !text.startsWith('\ufeff'),
      ),
  })),
);

const kind: fc.Arbitrary<Kind> = fc.oneof(
  { arbitrary: simple, weight: 5 },
  {
    arbitrary: simple.map((of): Kind => ({ type: optional(of.type), value: fc.option(of.value, { nil: undefined }) })),
    weight: 1,
  },
  {
    arbitrary: fc.tuple(simple, fc.integer({ min: 1, max: 20 })).map(([of, length]): Kind => ({
      type: array(of.type, length),
      value: fc.array(of.value, { minLength: length, maxLength: length }),
    })),
    weight: 1,
  },
);

interface Case {
  readonly fields: Fields;
  readonly packed: boolean;
  /** Of each struct, a value of each field. */
  readonly rows: readonly Record<string, unknown>[];
}

const definition: fc.Arbitrary<Case> = fc
  .tuple(fc.array(kind, { minLength: 1, maxLength: 8 }), fc.boolean(), fc.integer({ min: 1, max: 10 }))
  .chain(([kinds, packed, count]) => {
    const named = kinds.map((each, i) => [`f${i}`, each] as const);
    const row = fc.record(Object.fromEntries(named.map(([name, { value }]) => [name, value])));
    return fc.array(row, { minLength: count, maxLength: count }).map((rows) => ({
      fields: Object.fromEntries(named.map(([name, { type }]) => [name, type])),
      packed,
      rows,
    }));
  });

type Handle = Record<string, unknown> & { toObject(): object };

/** Assigns each field, elements of arrays one by one. */
function assign(to: Handle, values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!Array.isArray(value)) to[name] = value;
    else if (name + '.0' in to) value.forEach((each, i) => (to[`${name}.${i}`] = each));
    else {
      const list = to[name] as ArrayLike<unknown> & { set(i: number | readonly unknown[], value?: unknown): void };
      if (ArrayBuffer.isView(list)) list.set(value);
      else value.forEach((each, i) => list.set(i, each));
    }
  }
}

function roundTrip(heap: Heap, { fields, packed, rows }: Case): void {
  const S = struct('Any', fields, { packed }).in(heap);
  const singles = rows.map((row) => S.create(row as never));
  const empties = rows.map(() => S.create());
  const [inRows, inColumns] = [S.array(rows.length), S.columns(rows.length)];
  empties.forEach((one, i) => assign(one, rows[i]));
  for (const list of [inRows, inColumns]) {
    const cursor = list.cursor();
    // Backwards, and the fields of the last first: nothing may reach into its neighbours.
    for (let i = rows.length - 1; i >= 0; i--) {
      cursor.to(i);
      assign(cursor.item, Object.fromEntries(Object.entries(rows[i]).reverse()));
    }
  }
  const all = (list: { cursor(): { next(): boolean; item: { toObject(): object } } }): object[] => {
    const objects: object[] = [];
    for (const cursor = list.cursor(); cursor.next();) objects.push(cursor.item.toObject());
    return objects;
  };
  expect(singles.map((one) => one.toObject())).toEqual(rows);
  expect(empties.map((one) => one.toObject())).toEqual(rows);
  expect(Array.from(inRows, (one) => one.toObject())).toEqual(rows);
  expect(all(inRows)).toEqual(rows);
  expect(all(inColumns)).toEqual(rows);
  expect(all(S.columnsAt(inColumns.address))).toEqual(rows);
  expect(all(S.arrayAt(inRows.address))).toEqual(rows);
  for (const one of [...singles, ...empties, inRows, inColumns]) one.free();
  empty(heap);
}

describe('values', () => {
  it('of any definition come back as they went in', () => {
    fc.assert(
      fc.property(definition, (given) => {
        // Each definition leaves its text in the region, so each has a region.
        const heap = create({ maxBytes: MIB });
        try {
          roundTrip(heap, given);
        } finally {
          heap.detach();
        }
      }),
      runs(150),
    );
  });

  it('stay where they are while the region grows', () => {
    const heap = create({ maxBytes: 128 * MIB });
    const Item = struct('Item', { x: f64, list: array(u8, 1000), n: u32 });
    const I = Item.in(heap);
    const first = I.create({ x: 0.5, n: 1 });
    const view = first.list;
    const { reservedBytes } = heap.stats();
    const many = Array.from({ length: 50_000 }, (_, n) => I.create({ x: n / 2, n }));
    expect(heap.stats().reservedBytes).toBeGreaterThan(reservedBytes);
    view[999] = 7;
    first.x += 1;
    expect([first.x, first.list[999]]).toEqual([1.5, 7]);
    expect(many.every(({ x, n }, i) => x === i / 2 && n === i)).toBe(true);
    many[49_999].x = 3;
    expect(I.at(many[49_999].address).x).toBe(3);
    for (const one of [first, ...many]) one.free();
    heap.collect();
    empty(heap);
  });

  it('lie as well above 2 GiB, where addresses are no small integers', () => {
    const heap = create({ maxBytes: 2 ** 32 });
    heap.malloc(2.5 * 2 ** 30);
    const fields = { a: u8, x: f64, text: utf8(9), next: ref('High'), list: array(f32, 2), flags: array(bool, 2) };
    for (const packed of [false, true]) {
      const H = struct('High', fields, { packed }).in(heap);
      const one = H.create({ x: 2, text: 'up', list: [1, 2], flags: [true, false] });
      expect(one.address).toBeGreaterThan(2 ** 31);
      one.next = one;
      const seen = one.next.toObject();
      expect(seen).toEqual({ a: 0, x: 2, text: 'up', next: one.address, list: [1, 2], flags: [true, false] });
      for (const list of [H.array(9), H.columns(9)]) {
        const cursor = list.cursor();
        while (cursor.next()) cursor.item['list.1'] = cursor.index;
        cursor.to(7);
        expect(cursor.item.list[1]).toBe(7);
      }
    }
  });

  it('may be of types that others bring', () => {
    /** Counts in a word how often it was read. */
    const counter: FieldType<number> = {
      text: 'counter',
      bytes: 4,
      alignment: 4,
      bind: ({ views }) => ({ get: (at) => ++views.i32[at >>> 2] }),
    };
    const one = struct('Counted', { before: u8, n: counter, list: array(counter, 3) })
      .in(create())
      .create();
    expect([one.n, one.n, one.list.at(2), one.n, one.list.at(1)]).toEqual([1, 2, 1, 3, 1]);
    refused('ERR_HEAP_VALUE', () => one.list.set(0, 1));
    expect(() => ((one as { n: number }).n = 5)).toThrow(TypeError);
  });

  it('that do not fit are refused, and the field is as before', () => {
    const Strict = struct('Strict', { before: u8, a: bits(3), b: bits(5), text: utf8(4), colour: choice(...COLOURS) });
    const one = Strict.in(create()).create({ a: 5, b: 21, text: 'abcd', colour: 'blue' });
    const was = one.toObject();
    for (const write of [
      () => (one.a = 8),
      () => (one.a = -1),
      () => (one.b = 0.5),
      () => (one.text = 'abcde'),
      () => (one.text = 'aaaé'),
      () => (one.text = 5 as never),
      () => (one.colour = 'pink' as never),
    ])
      refused('ERR_HEAP_VALUE', write);
    expect(one.toObject()).toEqual(was);
  });

  it('of columns of numbers lie in a typed array', () => {
    const Body = struct('Body', { tag: u8, mass: f64, pos: array(f32, 2), name: utf8(3) });
    const columns = Body.in(create()).columns(21);
    for (const cursor = columns.cursor(); cursor.next();) {
      cursor.item.mass = cursor.index;
      cursor.item.pos[1] = -cursor.index;
    }
    expect([...columns.column('mass')]).toEqual(Array.from({ length: 21 }, (_, i) => i));
    expect(columns.column('pos')).toHaveLength(42);
    expect(columns.column('pos')[41]).toBe(-20);
    expect(columns.column('tag')).toBeInstanceOf(Uint8Array);
    refused('ERR_HEAP_DEFINITION', () => columns.column('name'));
  });

  it('outside an array are refused', () => {
    const Body = struct('Body', { list: array(bool, 3) });
    const B = Body.in(create());
    const rows = B.array(2);
    for (const index of [-1, 2, 0.5, NaN, '0' as never]) {
      refused('ERR_HEAP_VALUE', () => rows.at(index));
      refused('ERR_HEAP_VALUE', () => rows.cursor().to(index));
      refused('ERR_HEAP_VALUE', () => B.columns(2).cursor().to(index));
    }
    refused('ERR_HEAP_VALUE', () => rows.at(0).list.at(3));
    for (const length of [-1, 0.5, 2 ** 30, NaN]) refused('ERR_HEAP_INVALID_SIZE', () => B.array(length));
    expect(B.array(0).cursor().next()).toBe(false);
    expect(B.columns(0).cursor().next()).toBe(false);
    const cursor = rows.cursor();
    rows.free();
    refused('ERR_HEAP_INVALID_ADDRESS', () => cursor.next());
  });
});

describe('floats of 16 bits', () => {
  const Half = struct('Half', { x: f16, raw: u16 });
  const Raw = struct('Raw', { x: u16 });

  it('are all known', () => {
    const heap = create();
    const [half, word] = [Half.in(heap).columns(1), Raw];
    expect(word.bytes).toBe(2);
    const cursor = half.cursor();
    cursor.next();
    const { item } = cursor;
    for (let sign = 1; sign >= -1; sign -= 2) {
      let before = -1;
      for (let bits = 0; bits < 0x7c00; bits++) {
        // Halves in their order: the value of each comes back, and what lies halfway goes to the even one.
        const exponent = bits >>> 10;
        const value = sign * (exponent === 0 ? bits * 2 ** -24 : (1024 + (bits & 1023)) * 2 ** (exponent - 25));
        item.x = value;
        if (!Object.is(item.x, value)) throw new Error(`${value} became ${item.x}`);
        if (bits > 0) {
          const [low, high] = [before, Math.abs(value)];
          item.x = sign * ((low + high) / 2);
          if (Math.abs(item.x) !== (bits % 2 === 0 ? high : low))
            throw new Error(`half of ${low} and ${high} became ${item.x}`);
        }
        before = Math.abs(value);
      }
    }
  });

  it('have infinities and NaN', () => {
    const one = Half.in(create()).create();
    const stored = [65519.99, 65520, -1e300, Infinity, NaN, 2 ** -25, 1.0001 * 2 ** -25, -0].map((value) => {
      one.x = value;
      return one.x;
    });
    expect(stored).toEqual([65504, Infinity, -Infinity, Infinity, NaN, 0, 2 ** -24, -0]);
  });
});
