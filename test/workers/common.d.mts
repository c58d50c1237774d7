export { damage, nonZero, stamp } from 'sabmalloc/testing';

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
