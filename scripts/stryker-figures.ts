/** After `npm run stryker -- ...`: the counts of its report, for docs/RELIABILITY.md. */
import { readFileSync, writeFileSync } from 'node:fs';

interface Report {
  readonly files: Readonly<Record<string, { readonly mutants: readonly { readonly status: string }[] }>>;
}

const root = new URL('../', import.meta.url);
const { files } = JSON.parse(readFileSync(new URL('build/stryker.json', root), 'utf8')) as Report;
const counts = Object.entries(files).map(([file, { mutants }]) => {
  const of = (...statuses: string[]): number => mutants.filter(({ status }) => statuses.includes(status)).length;
  return { file, mutants: mutants.length, caught: of('Killed', 'Timeout'), survived: of('Survived', 'NoCoverage') };
});
const date = new Date().toISOString().slice(0, 10);
writeFileSync(new URL('docs/figures/stryker.json', root), `${JSON.stringify({ date, files: counts }, null, 2)}\n`);
