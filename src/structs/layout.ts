import { type Accessor, alignUp, badDefinition, checkType, type FieldType, show, type Target } from './field.js';
import { bitsOf, unitFor } from './scalars.js';
import type { Fields } from './types.js';

/** What every handle has by these names. */
const RESERVED = new Set(['address', 'free', 'toObject', 'constructor', '__proto__', '$at']);

/** A field in its place. */
export interface Placed {
  readonly name: string;
  /** From the first field on. */
  readonly offset: number;
  readonly type: FieldType;
  /** Which of `units` it lies in: fields of bits share one. */
  readonly unit: number;
}

/** What has a column of its own in a struct of arrays. */
export interface Unit {
  readonly offset: number;
  readonly strideBytes: number;
  /** Bytes of all units before it, for one element. */
  readonly prefixBytes: number;
}

export interface Layout {
  readonly placed: readonly Placed[];
  readonly units: readonly Unit[];
  readonly bytes: number;
  readonly alignment: number;
}

/** A field with its accessor. */
export interface BoundField extends Placed {
  readonly accessor: Accessor;
}

/** A definition as its structs in a heap see it. */
export interface Definition<Name extends string = string> extends Target {
  readonly name: Name;
  readonly bytes: number;
  readonly layout: Layout;
  /** As it is kept in the region. */
  readonly definition: string;
}

/** Lays fields out in their order, each at the next multiple of its alignment. */
export function layOut(struct: string, fields: Fields, packed: boolean): Layout {
  const placed: Placed[] = [];
  const units: Unit[] = [];
  let [end, largest, prefixBytes] = [0, 1, 0];
  const place = ({ bytes, alignment }: FieldType): number => {
    const offset = alignUp(end, alignment);
    const strideBytes = alignUp(bytes, alignment);
    units.push({ offset, strideBytes, prefixBytes });
    prefixBytes += strideBytes;
    end = offset + bytes;
    largest = Math.max(largest, alignment);
    return offset;
  };
  const entries = Object.entries(fields);
  for (const [name, type] of entries) checkField(struct, name, type);
  for (let i = 0; i < entries.length;) {
    const [name, type] = entries[i];
    const group = bitGroup(entries, i);
    if (group.length === 0) {
      const used = packed ? (type.unaligned ?? type) : type;
      placed.push({ name, offset: place(used), type: used, unit: units.length - 1 });
      i++;
      continue;
    }
    const unit = unitFor(group.reduce((sum, count) => sum + count, 0));
    const used = packed ? (unit.unaligned ?? unit) : unit;
    const offset = place(used);
    let shift = 0;
    for (const count of group) {
      placed.push({ name: entries[i][0], offset, type: bitsOf(used, shift, count), unit: units.length - 1 });
      shift += count;
      i++;
    }
  }
  if (placed.length === 0) throw badDefinition(`struct ${struct} has no fields`, { struct });
  return { placed, units, bytes: alignUp(end, largest), alignment: largest };
}

/** Widths of the fields of bits from `first` on that share a number; empty if there is none. */
function bitGroup(entries: readonly (readonly [string, FieldType])[], first: number): number[] {
  const group: number[] = [];
  let sum = 0;
  for (let i = first; i < entries.length; i++) {
    const count = entries[i][1].bits;
    if (count === undefined || sum + count > 32) break;
    sum += count;
    group.push(count);
  }
  return group;
}

function checkField(struct: string, name: string, type: unknown): void {
  checkType(type, `field ${name} of ${struct}`, { struct, field: name });
  if (RESERVED.has(name) || !/^[^\s.]+$/.test(name))
    throw badDefinition(
      `a field of ${struct} can't be named ${show(name)}: every struct has a member of that name, or it has a dot or a space`,
      { struct, field: name },
    );
}

/** Scalars and the like within a field, by flat names. */
export function flatten({ name, offset, type, unit }: Placed): Placed[] {
  return (type.parts ?? []).flatMap((part) => {
    const inner = { name: `${name}.${part.name}`, offset: offset + part.offset, type: part.type, unit };
    return [inner, ...flatten(inner)];
  });
}

/** An owning reference, wherever in the struct it lies. */
export interface Owned {
  readonly offset: number;
  readonly unit: number;
  readonly target: () => Target;
}

export function ownedIn(placed: readonly Pick<Placed, 'offset' | 'type' | 'unit'>[], holder: Target): Owned[] {
  return placed.flatMap(({ offset, type, unit }) => {
    const { owns, elements, parts = [] } = type;
    if (owns !== undefined) return [{ offset, unit, target: () => owns(holder) }];
    if (elements === undefined) {
      const inner = parts.map((part) => ({ offset: offset + part.offset, type: part.type, unit }));
      return ownedIn(inner, type.holder ?? holder);
    }
    const each = ownedIn([{ offset: 0, type: elements.type, unit }], holder);
    if (each.length === 0) return [];
    return Array.from({ length: elements.length }, (_, i) => offset + i * elements.strideBytes).flatMap((at) =>
      each.map((one) => ({ ...one, offset: at + one.offset })),
    );
  });
}
