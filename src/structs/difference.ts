import type { Layout } from './layout.js';

/**
 * A definition as it is kept in the region, a line for the struct and one for each field: the same text, the same definition.
 * Definitions whose texts differ are different even where their fields lie alike.
 */
export function definitionText(name: string, { placed, bytes, alignment }: Layout): string {
  const fields = placed.map((field) => `${field.name}\t${field.offset}\t${field.type.text}`);
  return [`${name}\t${bytes}\t${alignment}`, ...fields].join('\n');
}

/** Says in what the definition found in the region is not the one here, by the first field that differs. */
export function differenceBetween(here: string, there: string): { message: string; field: string | undefined } {
  const [mine, others] = [here, there].map((text) => text.split('\n').map((line) => line.split('\t')));
  const name = mine[0][0];
  if (others[0][0] !== name) return { message: `there is a ${others[0][0]}, not a ${name}`, field: undefined };
  for (let i = 1; i < Math.max(mine.length, others.length); i++) {
    const [a, b] = [mine.at(i), others.at(i)];
    if (a?.join('\t') === b?.join('\t')) continue;
    const field = (a ?? b)![0];
    const message =
      `the ${name} there has another definition: field ${field} of this worker's is ${describe(a)}, ` +
      `and in its place there is ${b?.[0] === a?.[0] ? describe(b) : `${b?.[0] ?? ''} ${describe(b)}`.trim()}; define both alike`;
    return { message, field };
  }
  return {
    message: `the ${name} there takes ${others[0][1]} bytes, not ${mine[0][1]}; define both alike`,
    field: undefined,
  };
}

function describe(field: readonly string[] | undefined): string {
  return field === undefined ? 'none' : `${field[2]} at ${field[1]}`;
}
