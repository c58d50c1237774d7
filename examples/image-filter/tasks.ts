/** What the workers of the pool do. */
import { task } from 'sabmalloc/piscina';
import { blurRows, type Size } from './image.js';

export interface Rows extends Size {
  /** Handles of the image that is read and of the one that is written. */
  readonly source: number;
  readonly target: number;
  readonly from: number;
  readonly to: number;
  readonly radius: number;
}

export const blur = task(({ open }, { source, target, from, to, radius, ...size }: Rows) =>
  blurRows(open<Uint8Array>(source), open<Uint8Array>(target), size, from, to, radius),
);
