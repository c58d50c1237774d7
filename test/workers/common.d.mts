export class Random {
  constructor(seed: number);
  readonly seed: number;
  next(): number;
  int(min: number, max: number): number;
  oneIn(times: number): boolean;
  pick<T>(list: readonly T[]): T;
  size(min: number, max: number): number;
  shuffle<T>(list: T[]): T[];
}
export function stamp(u8: Uint8Array, address: number, bytes: number, tag: number): void;
export function damage(u8: Uint8Array, address: number, bytes: number, tag: number, stamped?: number): number;
export function nonZero(u8: Uint8Array, address: number, bytes: number): number;
