import type { Catch } from './stepped.js';

/** What became of a mutant, or of the sources as they are. */
export interface MutantRow {
  readonly name: string;
  readonly about: string;
  readonly outcome: 'caught' | 'survived' | 'broken';
  readonly caught?: Catch;
  /** Why it can't be planted or compiled. */
  readonly reason?: string;
  readonly seconds: number;
}

/** The rows of the sources as they are: these must survive. */
export const CONTROLS = ['control: scenarios', 'control: tests'] as const;

export const isControl = ({ name }: MutantRow): boolean => (CONTROLS as readonly string[]).includes(name);

/** Everything is as it must be: mutants are caught, controls are not. */
export function areAllCaught(rows: readonly MutantRow[]): boolean {
  return rows.every((row) => row.outcome === (isControl(row) ? 'survived' : 'caught'));
}

/** Where a mutant was caught, in Markdown. */
export function placeOf({ by }: Catch): string {
  const end = by.indexOf('.test.ts: ') + '.test.ts'.length;
  if (end > '.test.ts'.length) return `\`${by.slice(0, end)}\`${by.slice(end)}`;
  return by.endsWith('!') ? `killed in \`${by.slice(0, -1)}\`` : `\`${by}\``;
}

/** For a terminal. */
export function lineOf({ name, outcome, caught, reason, seconds }: MutantRow): string {
  const what = caught === undefined ? (reason ?? '') : `${placeOf(caught)}: ${caught.message}`;
  return `${name} ${outcome} in ${seconds} s ${what}`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function rowOf(row: MutantRow): string {
  const place =
    row.caught === undefined ? (isControl(row) ? 'nothing, as it must be' : '**nothing**') : placeOf(row.caught);
  return `| \`${row.name}\` | ${cell(row.about)} | ${cell(place)} |`;
}

/** What was planted and what caught it, in Markdown. */
export function mutantTable(rows: readonly MutantRow[]): string {
  const planted = rows.filter((row) => !isControl(row));
  const caught = planted.filter(({ outcome }) => outcome === 'caught');
  return [
    `**${planted.length} planted bugs, ${caught.length} caught**.`,
    '',
    '| mutant | what is broken | caught by |',
    '|---|---|---|',
    ...rows.map(rowOf),
  ].join('\n');
}
