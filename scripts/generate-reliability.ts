// Needs the build: the catalogue of misuses imports the package as its users do.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { catalogueRows } from '../test/misuse/catalogue.js';
import { EXCUSED_READS, EXCUSED_WRITES, type Excuse } from '../test/proof/machine/races.js';
import { mutantTable } from '../test/proof/mutants/report.js';
import { SCENARIOS } from '../test/proof/scenarios/index.js';
import { type ProofReport } from '../test/proof/tasks.js';
import { type Outcome } from '../test/soak/report.js';

const figures = new URL('../docs/figures/', import.meta.url);
const read = <T>(name: string): T => JSON.parse(readFileSync(new URL(name, figures), 'utf8')) as T;
/** A part made of the figures of a run, or how to get them where no run is on record. */
const partOf =
  <T>(name: string, command: string, part: (figures: T) => string) =>
  (): string =>
    existsSync(new URL(name, figures))
      ? part(read<T>(name))
      : `No full run on record: \`${command} --json docs/figures/${name}\`, then \`npm run generate\`.`;
const count = (value: number): string => value.toLocaleString('en-US');
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

function schedules(proof: ProofReport): string {
  const rows = proof.explorations.map((one) => {
    const crash = proof.crashes.find(({ scenario }) => scenario === one.scenario);
    const about = SCENARIOS.find(({ name }) => name === one.scenario)?.about ?? '';
    const numbers = [
      one.threads,
      count(one.schedules),
      one.bound,
      count(crash?.points ?? 0),
      count(crash?.secondDeaths ?? 0),
    ];
    return [`**${one.scenario}**: ${about}`, ...numbers];
  });
  return [
    `\`${proof.command}\` on ${proof.date}, node ${proof.environment.node}, ${proof.environment.cores} cores, ${count(proof.seconds)} s: ` +
      `**${count(proof.schedules + proof.crashSchedules)} schedules** (${count(proof.crashSchedules)} of them with deaths), ` +
      `${count(proof.steps)} steps, ${count(proof.accesses)} accesses checked for races, **${count(proof.crashPoints)} crash points**, ` +
      `**${count(proof.secondDeaths)} second deaths**, **${proof.failures.length} failures**.`,
    '',
    table(['scenario', 'threads', 'schedules', 'all with preemptions up to', 'crash points', 'second deaths'], rows),
  ].join('\n');
}

function races(): string {
  const rows = (kind: string, excuses: readonly Excuse[]): string[][] =>
    excuses.map(({ field, inside, why }) => [`\`${field}\``, `${kind} in \`${inside}\``, why]);
  const all = [...rows('read', EXCUSED_READS), ...rows('write', EXCUSED_WRITES)];
  return [['| word | plain access | why it is harmless |', '|---|---|---|'], all.map((row) => `| ${row.join(' | ')} |`)]
    .flat()
    .join('\n');
}

function soak(outcome: Outcome): string {
  const { browser } = outcome;
  const share = (shares: Record<string, { readonly kills: number }>): string =>
    Object.entries(shares)
      .map(([name, { kills }]) => `${name} ${count(kills)}`)
      .join(', ');
  const phases = Object.entries(outcome.killsByPhase).map(([name, kills]) => `${name} ${count(kills)}`);
  const lines = [
    `\`${outcome.command}\`, node ${outcome.environment.node}, ${outcome.environment.cores} cores, ${count(outcome.seconds)} s: **${count(outcome.kills)} workers killed** in ${count(outcome.rounds)} rounds, ` +
      `${count(outcome.operations)} operations, ${count(outcome.blocksWalked)} blocks walked: none damaged, none held twice; ` +
      `**${count(outcome.lost)} lost** of the ${count(outcome.inHand)} that were in the hands of the killed.`,
    '',
    `- killed while: ${phases.join(', ')}`,
    `- memory: ${share(outcome.backings)}`,
    `- presets: ${share(outcome.presets)}`,
    `- ${count(outcome.growths)} growths, ${count(outcome.adoptions)} slabs adopted, ${count(outcome.reclaims)} reclaims, ${count(outcome.refusals)} refusals, ${count(outcome.overflows)} stack overflows inside calls`,
  ];
  if (browser !== undefined)
    lines.push(
      `- a main thread that may not wait, as in a browser: ${count(browser.count)} calls beside ${count(browser.kills)} kills, ${browser.waits} that would have waited`,
    );
  return lines.join('\n');
}

interface StrykerFigures {
  readonly date: string;
  readonly files: readonly {
    readonly file: string;
    readonly mutants: number;
    readonly caught: number;
    readonly survived: number;
  }[];
}

function stryker({ date, files }: StrykerFigures): string {
  const rows = files.map(({ file, mutants, caught, survived }) => [`\`${file}\``, mutants, caught, survived]);
  return `Run of ${date}.\n\n${table(['file', 'mutants', 'caught', 'survived'], rows)}`;
}

function misuse(): string {
  const rows = catalogueRows().map(({ name, code }) => [name, `\`${code}\``]);
  return ['| mistake | answer |', '|---|---|', ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');
}

/** The page with its generated parts made anew; everything between the marks is replaced. */
function reliabilityPage(page: string): string {
  const parts: Record<string, () => string> = {
    schedules: partOf('prove.json', 'npm run prove --', schedules),
    races,
    mutants: partOf('prove.json', 'npm run prove --', ({ mutants }: ProofReport) => mutantTable(mutants)),
    stryker: partOf('stryker.json', 'npm run stryker --', stryker),
    soak: partOf('soak.json', 'npm run soak -- --minutes 60', soak),
    misuse,
  };
  return page.replaceAll(
    /(<!-- generated: (\w+) -->\n)[^]*?(<!-- end -->)/g,
    (_, open: string, name: string, end: string) => {
      const part = parts[name] as (() => string) | undefined;
      if (part === undefined) throw new Error(`docs/RELIABILITY.md: nothing generates "${name}"`);
      return `${open}\n${part()}\n\n${end}`;
    },
  );
}

const path = new URL('../docs/RELIABILITY.md', import.meta.url);
writeFileSync(path, reliabilityPage(readFileSync(path, 'utf8')));
