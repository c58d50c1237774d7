/** The particles: columns of structs in the heap, and what a step does to them. */
import { f64, struct } from 'sabmalloc/structs';

export const Particle = struct('Particle', { x: f64, y: f64, vx: f64, vy: f64, mass: f64 });

/** What every field's typed array is made of: one number a particle. */
export interface Fields {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly vx: Float64Array;
  readonly vy: Float64Array;
  readonly mass: Float64Array;
}

export function fieldsOf(columns: { column(name: keyof Fields): Float64Array }): Fields {
  const [x, y, vx, vy, mass] = (['x', 'y', 'vx', 'vy', 'mass'] as const).map((name) => columns.column(name));
  return { x, y, vx, vy, mass };
}

/** The same particles each time. */
export function scatter({ x, y, vx, vy, mass }: Fields): void {
  let state = 12345;
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  for (let i = 0; i < x.length; i++) {
    [x[i], y[i], vx[i], vy[i], mass[i]] = [random(), random(), random() - 0.5, random() - 0.5, 1 + random()];
  }
}

const SECONDS = 0.001;
const GRAVITY = -9.81;
const DRAG = 0.1;

/** One step of the particles from `from` to before `to`: they fall, slow down, and bounce in a box of 1 by 1. */
export function integrate({ x, y, vx, vy, mass }: Fields, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const drag = 1 - (DRAG * SECONDS) / mass[i];
    vx[i] *= drag;
    vy[i] = (vy[i] + GRAVITY * SECONDS) * drag;
    x[i] += vx[i] * SECONDS;
    y[i] += vy[i] * SECONDS;
    if (x[i] < 0 || x[i] > 1) vx[i] = -vx[i];
    if (y[i] < 0 || y[i] > 1) vy[i] = -vy[i];
  }
}

/** Differs if any bit of any field does. */
export function checksum(fields: Fields): string {
  let sum = 0;
  for (const field of Object.values(fields) as Float64Array[]) {
    const words = new Uint32Array(field.buffer, field.byteOffset, 2 * field.length);
    for (const word of words) sum = (Math.imul(sum, 31) + word) >>> 0;
  }
  return sum.toString(16).padStart(8, '0');
}
