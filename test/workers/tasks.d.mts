import { type Task } from 'sabmalloc/piscina';

export const sum: Task<{ handle: number; factor: number }, { sum: number; workerData: unknown }>;
export const squares: Task<{ length: number }, { handle: number; part: number }>;
export const end: Task<{ how: string; handle?: number; started?: number }, undefined>;
export const move: Task<
  { rounds?: number; started?: number },
  { isRight: boolean; refusal: string | undefined; handle: number }
>;
export const early: Task<undefined, string[] | undefined>;
export const keep: Task<undefined, number>;
export const thread: Task<undefined, number>;
export function plain(): number;
