import type { OptionSpec } from './option-spec.js';

/** Options as text: names of flags and of environment variables, and values in them. */

export const VARIABLE_PREFIX = 'SABMALLOC_';

/** `maxBytes` -> `--max-bytes`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `maxBytes` -> `SABMALLOC_MAX_BYTES`. */
export function variableOf(name: string): string {
  return VARIABLE_PREFIX + name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

const UNIT_BYTES: Readonly<Partial<Record<string, number>>> = {
  '': 1,
  k: 2 ** 10,
  kib: 2 ** 10,
  m: 2 ** 20,
  mib: 2 ** 20,
  g: 2 ** 30,
  gib: 2 ** 30,
};

function integerIn(text: string, takesUnits: boolean): number | undefined {
  const match = /^(\d+)\s*([a-z]*)$/i.exec(text);
  const factor = match === null ? undefined : UNIT_BYTES[match[2].toLowerCase()];
  if (match === null || factor === undefined || (match[2] !== '' && !takesUnits)) return undefined;
  return Number(match[1]) * factor;
}

const BOOLEANS: Readonly<Partial<Record<string, boolean>>> = { true: true, 1: true, false: false, 0: false };

/** The value that a text stands for; the text itself where it stands for none, so that validation shows what was written. */
export function parseText(spec: OptionSpec, text: string): unknown {
  if (spec.type === 'integer') return integerIn(text.trim(), spec.unit === 'bytes') ?? text;
  if (spec.type === 'boolean') return BOOLEANS[text.trim().toLowerCase()] ?? text;
  return text;
}
