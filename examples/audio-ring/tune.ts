/** A tune as a function of time: a sweep of sines under a melody. */
export const RATE = 48_000;
export const SECONDS = 4;
/** Samples that an audio thread handles at a time. */
export const BLOCK = 128;

/** Half tones above A3, a fifth of a second each. */
const MELODY = [0, 4, 7, 12, 16, 12, 7, 4, 5, 9, 12, 17, 7, 11, 14, 19, 12, 7, 4, 0];
const NOTE_SECONDS = SECONDS / MELODY.length;

function sampleAt(n: number): number {
  const t = n / RATE;
  const note = Math.min(MELODY.length - 1, Math.floor(t / NOTE_SECONDS));
  const sinceNote = t - note * NOTE_SECONDS;
  const melody = Math.sin(2 * Math.PI * 220 * 2 ** (MELODY[note] / 12) * t) * Math.exp(-6 * sinceNote);
  const sweep = Math.sin(2 * Math.PI * (110 * t + (220 * t * t) / SECONDS));
  return 0.5 * melody + 0.1 * sweep;
}

/** Writes the samples from `first` on into a block. */
export function synthesise(block: Float32Array, first: number): void {
  for (let i = 0; i < block.length; i++) block[i] = sampleAt(first + i);
}
