import { HeapError } from '../index.js';
import type { Accessor } from './field.js';
import type { Unit } from './layout.js';
import { SHOW, Shown } from './show.js';

/**
 * In the place of the address of a struct that was freed: any arithmetic with it throws, so accessors need no check. Every
 * class of handles has one such object from the beginning, so that engines don't take its addresses for small integers only
 * and throw their code away at the first free.
 */
export const FREED = {
  [Symbol.toPrimitive](): never {
    throw new HeapError(
      'ERR_HEAP_INVALID_ADDRESS',
      'this struct was freed; open it again by an address that is live',
      {},
    );
  },
} as unknown as number;

/** Anything that lies at an address. */
export class Handle extends Shown {
  /** Of its first field, as a 32-bit integer: engines keep integers of 32 bits in objects without a box. */
  $at: number;

  constructor(at: number) {
    super();
    this.$at = at;
  }

  /** Classes of definitions have their own. */
  [SHOW](_inspect: (value: unknown) => string): string {
    return 'struct';
  }
}

/** Anything that an accessor's property may be put on, with how it finds its address. */
export function defineField(prototype: object, name: string, offset: number, { get, set }: Accessor): void {
  Object.defineProperty(prototype, name, {
    get(this: Handle) {
      return get(this.$at + offset);
    },
    ...(set && {
      set(this: Handle, value: unknown) {
        set(this.$at + offset, value);
      },
    }),
    configurable: true,
    enumerable: true,
  });
}

/** An element of columns. All columns of a definition share the accessors: where a column begins follows from how many there is room for. */
export class ColumnHandle extends Handle {
  $index = -1;
  readonly $room: number;

  constructor(at: number, room: number) {
    super(at);
    this.$room = room;
  }
}

/** The same for columns: `offset` within the column's element. */
export function defineColumn(
  prototype: object,
  name: string,
  offset: number,
  unit: Unit,
  { get, set }: Accessor,
): void {
  const { prefixBytes, strideBytes } = unit;
  Object.defineProperty(prototype, name, {
    get(this: ColumnHandle) {
      return get(this.$at + Math.imul(this.$room, prefixBytes) + Math.imul(this.$index, strideBytes) + offset);
    },
    ...(set && {
      set(this: ColumnHandle, value: unknown) {
        set(this.$at + Math.imul(this.$room, prefixBytes) + Math.imul(this.$index, strideBytes) + offset, value);
      },
    }),
    configurable: true,
    enumerable: true,
  });
}
