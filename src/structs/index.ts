/** Structs in shared memory, with a declared layout: docs/STRUCTS.md. */
export { type Columns, type ColumnOf, type Cursor, type Rows } from './arrays.js';
export { type Bound } from './bound.js';
export { array, type ArrayType, atomic, type AtomicCell, type List, optional, reserved, utf8 } from './composite.js';
export {
  type Accessor,
  type Binding,
  type FieldType,
  type NumberArray,
  type Numbers,
  type Part,
  type Referred,
  type Target,
} from './field.js';
export { owned, ref } from './refs.js';
export { bits, bool, choice, f16, f32, f64, i16, i32, i64, i8, type Scalar, u16, u32, u64, u8 } from './scalars.js';
export { type FieldInfo, struct, type StructDefinition, type StructOptions } from './struct.js';
export {
  type AnyStruct,
  type Fields,
  type Infer,
  type Initial,
  type NamedRef,
  type Struct,
  type StructOf,
  type StructPart,
} from './types.js';
export { type Views } from '../records/index.js';
