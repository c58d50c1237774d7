import { type Heap } from 'sabmalloc';

export const Phase: {
  readonly starting: 0;
  readonly attaching: 1;
  readonly working: 2;
  readonly poised: 3;
  readonly freeing: 4;
  readonly resizing: 5;
  readonly growing: 6;
  readonly adopting: 7;
  readonly collecting: 8;
  readonly reclaiming: 9;
  readonly detaching: 10;
  readonly overflowing: 11;
  readonly stopped: 12;
};
export function pageWords(entries: number): number;
export class Page {
  constructor(words: Uint32Array<SharedArrayBuffer>, number: number, entries: number);
  readonly number: number;
  readonly entries: number;
  readonly batch: Uint32Array;
  readonly doubtful: Uint32Array;
  phase: number;
  workerId: number;
  readonly steps: number;
  readonly refusals: number;
  readonly inHand: number;
  readonly spilt: number;
  readonly overflows: number;
  go(): void;
  reach(): void;
  clear(entry: number): void;
  post(workerId: number): boolean;
  address(entry: number): number;
  isMarked(entry: number): boolean;
  bytes(entry: number): number;
  tag(entry: number): number;
  hold(entry: number, address: number, bytes: number): void;
  unmark(entry: number): void;
  verify(heap: Heap, entry: number): void;
  inherit(heap: Heap): void;
}
export interface Offered {
  readonly address: number;
  readonly bytes: number;
  readonly tag: number;
}
export const MARKET_BYTES: number;
export class Market {
  constructor(memory: SharedArrayBuffer);
  stop(): void;
  offer(box: number, block: Offered): boolean;
  offered(): Offered[];
  leaveDead(page: number): boolean;
}
