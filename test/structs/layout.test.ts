import { describe, expect, it } from 'vitest';
import {
  array,
  atomic,
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
  owned,
  ref,
  reserved,
  struct,
  u16,
  u32,
  u64,
  u8,
  utf8,
  type FieldInfo,
  type FieldType,
} from 'sabmalloc/structs';
import { refused } from '../kit/errors.js';

const offsetsOf = (definition: { readonly fields: Readonly<Record<string, FieldInfo>> }): Record<string, number> =>
  Object.fromEntries(Object.entries(definition.fields).map(([name, { offset }]) => [name, offset]));

describe('the layout of a struct', () => {
  const fields = {
    pos: array(f32, 3),
    mass: f64,
    id: u32,
    name: utf8(24),
    next: ref('Particle'),
    hits: atomic(i32),
    lock: reserved(2),
  };

  it('puts each field at the next multiple of its alignment', () => {
    const Particle = struct('Particle', fields);
    expect(offsetsOf(Particle)).toEqual({ pos: 0, mass: 16, id: 24, name: 28, next: 56, hits: 60, lock: 64 });
    expect([Particle.bytes, Particle.alignment]).toEqual([72, 8]);
    expect(Particle.fields.name).toEqual({ type: 'utf8(24)', offset: 28, bytes: 25 });
  });

  it('has no gaps when packed, but before what keeps its alignment', () => {
    const scalars = { a: u8, b: f64, c: u16, d: i64, e: f32, f: f16, g: bool };
    expect(offsetsOf(struct('Scalars', scalars, { packed: true }))).toEqual({
      a: 0,
      b: 1,
      c: 9,
      d: 11,
      e: 19,
      f: 23,
      g: 25,
    });
    expect(struct('Scalars', scalars, { packed: true })).toMatchObject({ bytes: 26, alignment: 1 });
    expect(struct('Scalars', scalars)).toMatchObject({ bytes: 40, alignment: 8 });
    const mixed = struct('Mixed', { a: u8, b: f64, list: array(f32, 2), c: u8, next: ref('Mixed') }, { packed: true });
    expect(offsetsOf(mixed)).toEqual({ a: 0, b: 1, list: 12, c: 20, next: 24 });
    expect([mixed.bytes, mixed.alignment]).toEqual([28, 4]);
  });

  it('lets neighbouring fields of bits share a number', () => {
    const Flags = struct('Flags', {
      a: bits(3),
      b: bits(4),
      between: u8,
      c: bits(7),
      d: bits(20),
      e: bits(10),
      f: bits(32),
    });
    expect(offsetsOf(Flags)).toEqual({ a: 0, b: 0, between: 1, c: 4, d: 4, e: 8, f: 12 });
    expect(Flags.fields.b).toEqual({ type: 'bits(4)<<3', offset: 0, bytes: 1 });
    expect(Flags.bytes).toBe(16);
  });

  it('takes structs, and arrays of anything', () => {
    const Point = struct('Point', { x: f64, tag: u8 });
    const Shape = struct('Shape', {
      kind: choice('dot', 'line'),
      from: Point,
      rest: array(Point, 3),
      grid: array(array(u16, 2), 4),
    });
    expect(Point.bytes).toBe(16);
    expect(offsetsOf(Shape)).toEqual({ kind: 0, from: 8, rest: 24, grid: 72 });
    expect(Shape.bytes).toBe(88);
  });

  it.each<[string, FieldType, number, number]>([
    ['i8', i8, 1, 1],
    ['u64', u64, 8, 8],
    ['i16', i16, 2, 2],
    ['utf8(300)', utf8(300), 302, 1],
    ['optional(f64)', optional(f64), 9, 8],
    ['optional(u8)[3]', array(optional(u8), 3), 6, 1],
    ['optional(f64)[2]', array(optional(f64), 2), 32, 8],
    ['owned(Other)', owned('Other'), 4, 4],
    ['choice of 257', choice(...(Array.from({ length: 257 }, (_, i) => `c${i}`) as [string])), 2, 2],
  ])('%s', (_, type, bytes, alignment) => {
    expect([type.bytes, type.alignment]).toEqual([bytes, alignment]);
  });
});

describe('a wrong definition', () => {
  it.each<[string, () => unknown, string | undefined]>([
    ['no type', () => struct('A', { x: 'f64' as never }), 'x'],
    ['no type behind bits', () => struct('A', { b: bits(1), x: undefined as never }), 'x'],
    ['a name that structs have', () => struct('A', { free: f64 }), 'free'],
    ['a dot in a name', () => struct('A', { 'a.b': f64 }), 'a.b'],
    ['no fields', () => struct('A', {}), undefined],
    ['no name', () => struct('', { x: f64 }), undefined],
    ['a name with spaces', () => struct('A B', { x: f64 }), undefined],
    ['a length of 0', () => array(f64, 0), undefined],
    ['33 bits', () => bits(33), undefined],
    ['the same choice twice', () => choice('a', 'a'), undefined],
    ['an atomic float', () => atomic(f64 as never), undefined],
    ['a text without room', () => utf8(0), undefined],
    ['an array of nothing', () => array(undefined as never, 2), undefined],
    ['an optional nothing', () => optional(Float64Array as never), undefined],
    ['half a word', () => reserved(0.5), undefined],
    ['a reference to nothing', () => ref(undefined as never), undefined],
  ])('with %s is refused', (_, define, field) => {
    const error = refused('ERR_HEAP_DEFINITION', define);
    if (field !== undefined) expect(error.message).toContain(field);
    expect(error['field']).toBe(field);
  });
});
