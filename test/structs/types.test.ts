import {
  array,
  atomic,
  bits,
  bool,
  choice,
  f16,
  f32,
  f64,
  i32,
  i64,
  optional,
  owned,
  ref,
  struct,
  u8,
  utf8,
  type AnyStruct,
  type AtomicCell,
  type Infer,
  type List,
  type StructOf,
} from 'sabmalloc/structs';
import { describe, expectTypeOf, it } from 'vitest';
import { heapsOfTest } from '../kit/heaps.js';

const create = heapsOfTest();
const Point = struct('Point', { x: f64, y: f64 });
const Particle = struct('Particle', {
  pos: array(f32, 3),
  big: array(i64, 2),
  flags: array(bool, 2),
  points: array(Point, 2),
  origin: Point,
  mass: f64,
  half: f16,
  few: bits(3),
  name: utf8(24),
  kind: choice('dust', 'star'),
  maybe: optional(f64),
  next: ref('Particle'),
  other: ref('Other'),
  point: ref(Point),
  child: owned('Particle'),
  hits: atomic(i32),
  count: i64,
  tag: u8,
});
type Fields = Infer<typeof Particle>;
type Particle = StructOf<typeof Particle>;

describe('the types of fields', () => {
  it('are inferred', () => {
    expectTypeOf<Fields['mass']>().toEqualTypeOf<number>();
    expectTypeOf<Fields['half']>().toEqualTypeOf<number>();
    expectTypeOf<Fields['few']>().toEqualTypeOf<number>();
    expectTypeOf<Fields['count']>().toEqualTypeOf<bigint>();
    expectTypeOf<Fields['name']>().toEqualTypeOf<string>();
    expectTypeOf<Fields['kind']>().toEqualTypeOf<'dust' | 'star'>();
    expectTypeOf<Fields['maybe']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<Fields['pos']>().toEqualTypeOf<Float32Array>();
    expectTypeOf<Fields['big']>().toEqualTypeOf<BigInt64Array>();
    expectTypeOf<Fields['flags']>().toEqualTypeOf<List<boolean>>();
    expectTypeOf<Fields['origin']['x']>().toEqualTypeOf<number>();
    expectTypeOf<Fields['hits']>().toEqualTypeOf<AtomicCell>();
    expectTypeOf<Fields['other']>().toEqualTypeOf<AnyStruct | null>();
    expectTypeOf<NonNullable<Fields['point']>['y']>().toEqualTypeOf<number>();
  });

  it('know the definition itself', () => {
    expectTypeOf<NonNullable<Particle['next']>['mass']>().toEqualTypeOf<number>();
    expectTypeOf<NonNullable<NonNullable<Particle['child']>['next']>['kind']>().toEqualTypeOf<'dust' | 'star'>();
  });

  it('have flat names', () => {
    expectTypeOf<Particle['pos.0']>().toEqualTypeOf<number>();
    expectTypeOf<Particle['big.1']>().toEqualTypeOf<bigint>();
    expectTypeOf<Particle['origin.x']>().toEqualTypeOf<number>();
  });

  it('are those of a struct, an element and a column', () => {
    const P = Particle.in(create());
    const one = P.create({ mass: 1, pos: [1, 2, 3], hits: 3, origin: { x: 1 }, points: [{}, { y: 2 }], kind: 'star' });
    one.next = one;
    expectTypeOf(one.free).toEqualTypeOf<() => void>();
    expectTypeOf(one.address).toEqualTypeOf<number>();
    expectTypeOf(P.array(1).at(0).mass).toEqualTypeOf<number>();
    expectTypeOf(P.columns(1).column('mass')).toEqualTypeOf<Float64Array>();
    expectTypeOf(P.columns(1).column('pos')).toEqualTypeOf<Float32Array>();
    expectTypeOf(P.columns(1).column('tag')).toEqualTypeOf<Uint8Array>();
    expectTypeOf(Particle.fields.mass.offset).toEqualTypeOf<number>();
  });

  it('refuse what does not fit', () => {
    const P = Particle.in(create());
    // @ts-expect-error: no such field
    const wrong = (): unknown => P.create({ weight: 1 });
    // @ts-expect-error: a text for a number
    const text = (): unknown => P.create({ mass: '1' });
    // @ts-expect-error: no such choice
    const choiceOf = (): unknown => P.create({ kind: 'moon' });
    // @ts-expect-error: a column of texts
    const column = (): number => P.columns(1).column('name').length;
    expectTypeOf([wrong, text, choiceOf, column]).toBeArray();
  });
});
