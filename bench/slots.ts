/** An array of any kind, as far as the loops need one. */
interface Store<B> {
  readonly length: number;
  [slot: number]: B;
}

/** Live blocks: addresses, or objects where the allocator gives those. `sizes` are kept for `--verify` only. */
export interface Slots<B = number> {
  readonly addresses: Store<B>;
  readonly sizes: Uint32Array;
}

/** Addresses in memory that all workers see. */
export interface SharedSlots extends Slots {
  readonly addresses: Uint32Array;
}

/** Tables start a cache line apart or more, so that workers with neighbouring tables do not share one. */
const LINE_WORDS = 16;

const strideOf = (slots: number): number => Math.ceil((slots + LINE_WORDS) / LINE_WORDS) * LINE_WORDS;

export const slotsBytes = (tables: number, slots: number): number => tables * strideOf(slots) * 8;

/** Table `index` of the `tables` that lie in `buffer`. */
export function slotsAt(buffer: SharedArrayBuffer, tables: number, slots: number, index: number): SharedSlots {
  const stride = strideOf(slots);
  return {
    addresses: new Uint32Array(buffer, index * stride * 4, slots),
    sizes: new Uint32Array(buffer, (tables + index) * stride * 4, slots),
  };
}
