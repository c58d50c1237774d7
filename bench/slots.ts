/** Addresses of live blocks, in memory that all workers see; `sizes` beside them are kept for `--verify` only. */
export interface Slots {
  readonly addresses: Uint32Array;
  readonly sizes: Uint32Array;
}

/** Tables start a cache line apart or more, so that workers with neighbouring tables do not share one. */
const LINE_WORDS = 16;

const strideOf = (slots: number): number => Math.ceil((slots + LINE_WORDS) / LINE_WORDS) * LINE_WORDS;

export const slotsBytes = (tables: number, slots: number): number => tables * strideOf(slots) * 8;

/** Table `index` of the `tables` that lie in `buffer`. */
export function slotsAt(buffer: SharedArrayBuffer, tables: number, slots: number, index: number): Slots {
  const stride = strideOf(slots);
  return {
    addresses: new Uint32Array(buffer, index * stride * 4, slots),
    sizes: new Uint32Array(buffer, (tables + index) * stride * 4, slots),
  };
}
