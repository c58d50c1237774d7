import { showName, showSpread } from '../compare.js';
import { memoryChart, speedChart, workersChart } from './charts.js';
import { type SuiteResult, type SuiteRow } from './run.js';

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const escape = (text: string): string => text.replace(/[&<>"]/g, (sign) => ENTITIES[sign]);

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1f2937 }
  h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.5rem }
  figure { margin: 0 } figure svg { max-width: 100%; height: auto } figcaption { font-size: .85rem; color: #6b7280 }
  details { font-size: .85rem } summary { cursor: pointer }
  pre { background: #f3f4f6; padding: .5rem; overflow-x: auto; white-space: pre-wrap }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums }
  td, th { border-bottom: 1px solid #e5e7eb; padding: .2rem .8rem .2rem 0; text-align: left }
  td + td, th + th { text-align: right }`;

/** What ran, and where: stands under every chart. */
function whereOf({ environment, date }: SuiteResult): string {
  const { cpu, cores, node, platform, loadAverage } = environment;
  const load = `load ${loadAverage[0]} at the end`;
  return escape(`${cpu}, ${cores} cores, ${platform}, node ${node}, ${date.slice(0, 10)}, ${load}`);
}

function tableOf(rows: readonly SuiteRow[]): string {
  const lines = rows.flatMap(({ title, candidates }) =>
    candidates.map((one, i) => {
      const cells = [showName(one), showSpread(one.mops), one.ratio === undefined ? '' : showSpread(one.ratio)];
      return `<tr>${[i === 0 ? title : '', ...cells].map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>`;
    }),
  );
  const head = ['bench', 'candidate', 'M ops/s', 'first / this'].map((name) => `<th>${name}</th>`).join('');
  return `<table><tr>${head}</tr>${lines.join('\n')}</table>`;
}

function notesOf(rows: readonly SuiteRow[]): string {
  const why = new Set(rows.flatMap(({ skipped }) => skipped.map((one) => `${one.name}: ${one.why}`)));
  const noisy = rows.reduce((sum, { noisyRuns }) => sum + noisyRuns, 0);
  const lines = [...why].map((line) => `Left out: ${line}`);
  if (noisy > 0) lines.push(`${noisy} runs began while other programs were busy: distrust these numbers.`);
  return lines.map((line) => `<br>${escape(line)}`).join('');
}

interface Section {
  readonly heading: string;
  readonly text: string;
  readonly svg: string;
  readonly rows: readonly SuiteRow[];
  readonly commands: readonly string[];
}

function sectionHtml({ heading, text, svg, rows, commands }: Section, where: string): string {
  const numbers = rows.length === 0 ? '' : `<details><summary>Numbers</summary>${tableOf(rows)}</details>`;
  return `<h2>${escape(heading)}</h2>
<p>${escape(text)}</p>
<figure>${svg}<figcaption>${where}${notesOf(rows)}</figcaption></figure>
<details><summary>Commands</summary><pre>${escape(commands.join('\n'))}</pre></details>
${numbers}`;
}

const RUNS =
  'Medians of runs in alternation, each in a process of its own; the line goes from the slowest run to the fastest.';

async function sectionsOf({ rows, memory }: SuiteResult): Promise<Section[]> {
  const sections: Section[] = [];
  for (const heading of new Set(rows.map(({ group }) => group))) {
    const own = rows.filter(({ group }) => group === heading);
    const commands = own.map(({ command }) => command);
    sections.push({ heading, text: RUNS, svg: await speedChart(own), rows: own, commands });
  }
  const scaled = rows.filter(
    ({ series }) => series !== undefined && rows.filter((other) => other.series === series).length > 1,
  );
  if (scaled.length > 0) {
    const commands = scaled.map(({ command }) => command);
    const text = 'The same runs over the number of workers; all workers together.';
    sections.push({ heading: 'By number of workers', text, svg: await workersChart(scaled), rows: [], commands });
  }
  if (memory.length > 0) {
    const commands = [...new Set(memory.map(({ command }) => command))];
    const text = 'Pages that the heap holds, against bytes that the program has asked for and not freed. Not timed.';
    sections.push({ heading: 'Memory over time', text, svg: await memoryChart(memory), rows: [], commands });
  }
  return sections;
}

/** One file with everything in it. */
export async function pageOf(result: SuiteResult): Promise<string> {
  const where = whereOf(result);
  const sections = await sectionsOf(result);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>sabmalloc: benchmarks</title>
<style>${STYLE}</style>
<h1>sabmalloc: benchmarks</h1>
<p>${where}</p>
<pre>${escape(result.environment.command)}</pre>
${sections.map((section) => sectionHtml(section, where)).join('\n')}
</html>
`;
}
