import type { Heap } from '../index.js';
import { Bound } from './bound.js';
import { definitionText } from './difference.js';
import { type Accessor, badDefinition, type Binding, type FieldType, type Part, show, type Target } from './field.js';
import { type Layout, layOut } from './layout.js';
import { enterName } from './refs.js';
import { enterShared } from './shared.js';
import type { Fields, Initial, StructPart } from './types.js';

/** Where a field lies. */
export interface FieldInfo {
  readonly type: string;
  /** From the first field on; fields of bits that share a number have the same one. */
  readonly offset: number;
  readonly bytes: number;
}

export interface StructOptions {
  /**
   * Leaves no gaps between fields. Arrays, structs, references, atomics and reserved words keep their alignment; other
   * fields take longer to access. Off unless given.
   */
  readonly packed?: boolean;
}

/**
 * A struct by its definition, which is the same in every worker. It is a field type itself: one struct within another. Its text is
 * kept in each region that has such structs, and workers whose definition differs are told in what.
 */
export class StructDefinition<Name extends string = string, F = Fields>
  implements FieldType<StructPart<Name, F>, Initial<Name, F>>, Target
{
  readonly name: Name;
  /** Never there: carries the types of the fields. */
  declare readonly fieldsOf?: F;
  /** Of all fields, the gaps between them and at the end; a struct of its own takes 8 more. */
  readonly bytes: number;
  readonly alignment: number;
  readonly fields: Readonly<Record<keyof F & string, FieldInfo>>;
  /** As the type of a field. */
  readonly text: string;
  /** @internal */
  readonly layout: Layout;
  /** @internal */
  readonly definition: string;
  private readonly bound = new WeakMap<Heap, Bound<Name, F>>();

  /** @internal */
  constructor(name: Name, layout: Layout) {
    this.name = name;
    this.layout = layout;
    this.bytes = layout.bytes;
    this.alignment = layout.alignment;
    this.definition = definitionText(name, layout);
    const fields = layout.placed.map(({ offset, type }) => `${offset}:${type.text}`);
    this.text = `${name}{${layout.placed.map((field, i) => `${field.name}@${fields[i]}`).join(',')}}`;
    this.fields = Object.freeze(
      Object.fromEntries(
        layout.placed.map(({ name: field, offset, type }) => [field, { type: type.text, offset, bytes: type.bytes }]),
      ),
    ) as Readonly<Record<keyof F & string, FieldInfo>>;
  }

  get parts(): readonly Part[] {
    return this.layout.placed;
  }

  get holder(): this {
    return this;
  }

  /** The structs of this definition in a heap, as this worker is attached to it. The accessors are made the first time. */
  in(heap: Heap): Bound<Name, F> {
    let bound = this.bound.get(heap);
    if (bound === undefined) this.bound.set(heap, (bound = new Bound(this, heap)));
    return bound;
  }

  /** For a field that is such a struct. */
  bind({ heap }: Binding): Accessor<StructPart<Name, F>, Initial<Name, F>> {
    const bound = this.in(heap);
    return {
      get: (at) => bound.partAt(at | 0),
      init: (at, initial) => bound.fill(at, initial),
    };
  }
}

/**
 * Defines a struct: `struct('Particle', { pos: array(f32, 3), mass: f64, next: ref('Particle') })`. Every worker that opens such structs
 * does so by the same definition. Throws ERR_HEAP_DEFINITION, naming the field.
 */
export function struct<const Name extends string, F extends Fields>(
  name: Name,
  fields: F,
  options: StructOptions = {},
): StructDefinition<Name, F> {
  // Names and types stand in the region line by line.
  if (typeof name !== 'string' || !/^[^\s{}]{1,100}$/.test(name))
    throw badDefinition(
      `a struct's name is a text of 1 to 100 characters without spaces and braces, not ${show(name)}`,
      {
        value: name,
      },
    );
  const definition = new StructDefinition<Name, F>(name, layOut(name, fields, options.packed === true));
  enterName(definition);
  enterShared(definition);
  return definition;
}
