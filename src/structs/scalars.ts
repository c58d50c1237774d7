import { type Accessor, badDefinition, badValue, type FieldType, type NumberArrayConstructor, show } from './field.js';
import { fromHalf, toHalf } from './half.js';
import type { Views } from '../records/index.js';

/** A number of a fixed width. Values are stored as typed arrays store them: integers wrap, floats round. */
export interface Scalar<Value extends number | bigint = number, View = unknown> extends FieldType<Value> {
  /** Never there: carries the type of the view over many of them. */
  readonly view?: View;
}

function scalar<Value extends number | bigint, View>(
  text: string,
  bytes: number,
  constructor: NumberArrayConstructor,
  aligned: (views: Views) => Accessor<Value>,
  unaligned: (views: Views) => Accessor<Value>,
): Scalar<Value, View> {
  const common = { text, bytes, numbers: { constructor, length: 1 } };
  if (bytes === 1) return { ...common, alignment: 1, bind: ({ views }) => aligned(views) };
  return {
    ...common,
    alignment: bytes,
    bind: ({ views }) => aligned(views),
    unaligned: { text, bytes, alignment: 1, bind: ({ views }) => unaligned(views) },
  };
}

/*
 * Each accessor is written out, not built from a view's name: then every access in it is of one kind of array, and engines
 * compile it to a single load or store.
 */

/** Integer of 8 bits. */
export const i8 = scalar<number, Int8Array>('i8', 1, Int8Array, byte8, byte8);
function byte8(views: Views): Accessor<number> {
  return { get: (at) => views.i8[at >>> 0], set: (at, value) => void (views.i8[at >>> 0] = value) };
}

/** Unsigned integer of 8 bits. */
export const u8 = scalar<number, Uint8Array>('u8', 1, Uint8Array, unsigned8, unsigned8);
function unsigned8(views: Views): Accessor<number> {
  return { get: (at) => views.u8[at >>> 0], set: (at, value) => void (views.u8[at >>> 0] = value) };
}

/** Integer of 16 bits. */
export const i16 = scalar<number, Int16Array>(
  'i16',
  2,
  Int16Array,
  (views) => ({ get: (at) => views.i16[at >>> 1], set: (at, value) => void (views.i16[at >>> 1] = value) }),
  (views) => ({
    get: (at) => views.data.getInt16(at >>> 0, true),
    set: (at, value) => views.data.setInt16(at >>> 0, value, true),
  }),
);

/** Unsigned integer of 16 bits. */
export const u16 = scalar<number, Uint16Array>(
  'u16',
  2,
  Uint16Array,
  (views) => ({ get: (at) => views.u16[at >>> 1], set: (at, value) => void (views.u16[at >>> 1] = value) }),
  (views) => ({
    get: (at) => views.data.getUint16(at >>> 0, true),
    set: (at, value) => views.data.setUint16(at >>> 0, value, true),
  }),
);

/** Integer of 32 bits. */
export const i32 = scalar<number, Int32Array>(
  'i32',
  4,
  Int32Array,
  (views) => ({ get: (at) => views.i32[at >>> 2], set: (at, value) => void (views.i32[at >>> 2] = value) }),
  (views) => ({
    get: (at) => views.data.getInt32(at >>> 0, true),
    set: (at, value) => views.data.setInt32(at >>> 0, value, true),
  }),
);

/** Unsigned integer of 32 bits. */
export const u32 = scalar<number, Uint32Array>(
  'u32',
  4,
  Uint32Array,
  (views) => ({ get: (at) => views.u32[at >>> 2], set: (at, value) => void (views.u32[at >>> 2] = value) }),
  (views) => ({
    get: (at) => views.data.getUint32(at >>> 0, true),
    set: (at, value) => views.data.setUint32(at >>> 0, value, true),
  }),
);

/** Float of 32 bits. */
export const f32 = scalar<number, Float32Array>(
  'f32',
  4,
  Float32Array,
  (views) => ({ get: (at) => views.f32[at >>> 2], set: (at, value) => void (views.f32[at >>> 2] = value) }),
  (views) => ({
    get: (at) => views.data.getFloat32(at >>> 0, true),
    set: (at, value) => views.data.setFloat32(at >>> 0, value, true),
  }),
);

/** Float of 64 bits, as JavaScript's numbers are. */
export const f64 = scalar<number, Float64Array>(
  'f64',
  8,
  Float64Array,
  (views) => ({ get: (at) => views.f64[at >>> 3], set: (at, value) => void (views.f64[at >>> 3] = value) }),
  (views) => ({
    get: (at) => views.data.getFloat64(at >>> 0, true),
    set: (at, value) => views.data.setFloat64(at >>> 0, value, true),
  }),
);

/** Integer of 64 bits, a bigint. */
export const i64 = scalar<bigint, BigInt64Array>(
  'i64',
  8,
  BigInt64Array,
  (views) => ({ get: (at) => views.i64[at >>> 3], set: (at, value) => void (views.i64[at >>> 3] = value) }),
  (views) => ({
    get: (at) => views.data.getBigInt64(at >>> 0, true),
    set: (at, value) => views.data.setBigInt64(at >>> 0, value, true),
  }),
);

/** Unsigned integer of 64 bits, a bigint. */
export const u64 = scalar<bigint, BigUint64Array>(
  'u64',
  8,
  BigUint64Array,
  (views) => ({ get: (at) => views.u64[at >>> 3], set: (at, value) => void (views.u64[at >>> 3] = value) }),
  (views) => ({
    get: (at) => views.data.getBigUint64(at >>> 0, true),
    set: (at, value) => views.data.setBigUint64(at >>> 0, value, true),
  }),
);

/** A type stored as another one. */
function mapped<Value, Stored>(
  text: string,
  stored: FieldType<Stored>,
  out: (raw: Stored) => Value,
  into: (value: Value) => Stored,
): FieldType<Value> {
  const { bytes, alignment, unaligned } = stored;
  return {
    text,
    bytes,
    alignment,
    bind(binding) {
      const { get, set } = stored.bind(binding);
      return { get: (at) => out(get(at)), set: (at, value) => set!(at, into(value)) };
    },
    ...(unaligned && { unaligned: mapped(text, unaligned, out, into) }),
  };
}

/** Float of 16 bits, converted here on every engine: not all have Float16Array. */
export const f16: FieldType<number> = mapped('f16', u16, fromHalf, toHalf);

/** True or false, a byte. */
export const bool: FieldType<boolean> = mapped('bool', u8, (raw) => raw !== 0, Number);

/** One of the texts given: an index of 8 bits, or of 16 for more than 256. The first is what a new struct has. */
export function choice<const Names extends readonly [string, ...string[]]>(...names: Names): FieldType<Names[number]> {
  const indices = new Map<unknown, number>(names.map((name, i) => [name, i]));
  if (names.length < 1 || names.length > 65536 || indices.size !== names.length)
    throw badDefinition(
      `choice takes 1 to 65,536 different texts, not ${names.length} of which ${indices.size} differ`,
      {
        names,
      },
    );
  const expected =
    names.length > 8 ? `one of ${names.length} texts` : names.map((name) => JSON.stringify(name)).join(', ');
  return mapped<Names[number], number>(
    `choice(${names.map((name) => JSON.stringify(name)).join(',')})`,
    names.length > 256 ? u16 : u8,
    (index) => {
      if (index < names.length) return names[index];
      throw badValue(`a choice field holds ${index} and has ${names.length} texts; somebody overwrote it`, index);
    },
    (name) => {
      const index = indices.get(name);
      if (index === undefined) throw badValue(`${show(name)} is none of the choices: ${expected}`, name);
      return index;
    },
  );
}

/** The type of the number that so many bits lie in. */
export function unitFor(bits: number): FieldType<number> {
  return bits <= 8 ? u8 : bits <= 16 ? u16 : u32;
}

/** Bits from `shift` on of a number that may hold other fields too. */
export function bitsOf(unit: FieldType<number>, shift: number, count: number): FieldType<number> {
  const mask = count === 32 ? 0xffffffff : (1 << count) - 1;
  const placed = mask << shift;
  return {
    text: shift === 0 ? `bits(${count})` : `bits(${count})<<${shift}`,
    bytes: unit.bytes,
    alignment: unit.alignment,
    bits: count,
    bind(binding) {
      const { get, set } = unit.bind(binding);
      return {
        get: (at) => ((get(at) & placed) >>> shift) >>> 0,
        set(at, value) {
          if ((value & mask) >>> 0 !== value)
            throw badValue(`${show(value)} is no integer from 0 to ${mask >>> 0}, which ${count} bits hold`, value);
          set!(at, (get(at) & ~placed) | (value << shift));
        },
      };
    },
    ...(unit.unaligned && { unaligned: bitsOf(unit.unaligned, shift, count) }),
  };
}

/**
 * An unsigned integer of 1 to 32 bits. Neighbours in a definition share a number, from its lowest bit on, so two workers that write
 * fields of one number at once need a lock.
 */
export function bits(count: number): FieldType<number> {
  if (!Number.isInteger(count) || count < 1 || count > 32)
    throw badDefinition(`bits takes a number of bits from 1 to 32, not ${show(count)}`, { value: count });
  return bitsOf(unitFor(count), 0, count);
}
