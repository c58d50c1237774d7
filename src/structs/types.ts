import type { Shareable } from '../index.js';
import type { FieldType } from './field.js';

/** Fields of a definition by name. */
export type Fields = Readonly<Record<string, FieldType>>;

/** What every struct has besides its fields. */
export interface StructMembers extends Shareable {
  /** Of its block: what `at` takes in another worker. The fields begin 8 bytes behind it. */
  readonly address: number;
  /** Frees the struct and what it owns. Any use of this object afterwards throws. */
  free(): void;
  /** `free()` at the end of a `using`, unless this object was freed before. For whoever owns the struct. */
  [Symbol.dispose](): void;
  /** A copy: references as addresses. */
  toObject(): Record<string, unknown>;
}

/** What a struct within another one, or in an array, has besides its fields. */
export type PartMembers = Pick<StructMembers, 'toObject'>;

/** A struct of a definition that the type system doesn't know. */
export type AnyStruct = StructMembers;

/** A reference by name: its type is known where the name is that of the definition it stands in. */
export interface NamedRef<Name extends string> extends FieldType<AnyStruct | null> {
  /** Never there. */
  readonly to?: Name;
}

type ValueOf<T, Name extends string, F> =
  T extends NamedRef<infer To>
    ? string extends To
      ? PlainValueOf<T>
      : (To extends Name ? Struct<Name, F> : AnyStruct) | null
    : PlainValueOf<T>;

type PlainValueOf<T> = T extends FieldType<infer Value, never> ? Value : never;

type InitialOf<T, Name extends string, F> =
  T extends NamedRef<infer To>
    ? string extends To
      ? PlainInitialOf<T>
      : (To extends Name ? Struct<Name, F> : AnyStruct) | null
    : PlainInitialOf<T>;

type PlainInitialOf<T> = T extends { bind(binding: never): { init?(at: number, value: infer Initial): void } }
  ? Initial
  : never;

type Members<Name extends string, F> = { -readonly [K in keyof F]: ValueOf<F[K], Name, F> };

/** Names such as `pos.0` and `origin.x`: elements and inner fields, without an object on the way. */
type FlatName<F> = {
  [K in keyof F & string]: F[K] extends { readonly element?: infer E }
    ? unknown extends E
      ? never
      : `${K}.${number}`
    : F[K] extends { readonly fieldsOf?: infer G }
      ? unknown extends G
        ? never
        : `${K}.${keyof NonNullable<G> & string}`
      : never;
}[keyof F & string];

type FlatValue<F, Path> = Path extends `${infer K}.${infer Rest}`
  ? K extends keyof F
    ? F[K] extends { readonly element?: infer E }
      ? unknown extends E
        ? InnerValue<F[K], Rest>
        : E
      : InnerValue<F[K], Rest>
    : never
  : never;

type InnerValue<T, Rest> = T extends { readonly fieldsOf?: infer G }
  ? Rest extends keyof NonNullable<G>
    ? ValueOf<NonNullable<G>[Rest], never, NonNullable<G>>
    : never
  : never;

type FlatMembers<F> = { [Path in FlatName<F>]: FlatValue<F, Path> };

/** A struct of its own, in a block of its own. */
export type Struct<Name extends string, F> = StructMembers & Members<Name, F> & FlatMembers<F>;

/** A struct within another one or in an array. */
export type StructPart<Name extends string, F> = PartMembers & Members<Name, F> & FlatMembers<F>;

/** What `create` takes: any of the fields; the others are zero. */
export type Initial<Name extends string, F> = { readonly [K in keyof F]?: InitialOf<F[K], Name, F> };

/** The struct that a definition makes. */
export type StructOf<T> = T extends { readonly name: infer Name extends string; readonly fieldsOf?: infer F }
  ? Struct<Name, NonNullable<F>>
  : never;

/** The values of a definition's fields: `Infer<typeof Particle>`. */
export type Infer<T> = T extends { readonly name: infer Name extends string; readonly fieldsOf?: infer F }
  ? Members<Name, NonNullable<F>>
  : never;
