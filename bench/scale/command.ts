import { type Command } from 'commander';
import { jsonOption, patienceOption, quickOption, repeatOption } from '../benches.js';
import { sayLeftOut } from '../comparison-table.js';
import { showName, showSpread, type Measured, type Spread } from '../compare.js';
import { machine, warnOfLoad } from '../environment.js';
import { waitForQuiet } from '../quiet.js';
import { mib, printJson, printTable } from '../report.js';
import { type Environment } from '../spec.js';
import { controlBytes, crowdRows, type CrowdPlan, type CrowdRow } from './crowd.js';
import { liveRows, type LiveFlags, type LiveRow } from './live.js';
import { regionRows, type RegionRow } from './regions.js';

interface Flags extends LiveFlags {
  readonly only: string;
  readonly json?: boolean;
}

interface ScaleResult {
  readonly bench: 'scale';
  readonly preset: string;
  readonly live: readonly LiveRow[];
  readonly regions: readonly RegionRow[];
  readonly workers: readonly CrowdRow[];
  readonly controlBytes: number;
  readonly environment: Environment;
}

const crowdPlan = ({ preset, quick }: Flags): CrowdPlan =>
  quick
    ? { preset, bystanders: 2, reserved: 300, rounds: 2, pairs: 10_000, remote: 1000, attaches: 1 }
    : { preset, bystanders: 24, reserved: 900, rounds: 25, pairs: 500_000, remote: 65_536, attaches: 7 };

function commandOf({ only, preset, repeat, quick, huge }: Flags): string {
  const words = ['npm run bench -- scale', `--preset ${preset}`, `--repeat ${repeat}`];
  if (only !== '') words.push(`--only '${only}'`);
  if (huge) words.push('--huge');
  if (quick) words.push('--quick');
  return words.join(' ');
}

async function measureScale(flags: Flags): Promise<ScaleResult> {
  const isWanted = (title: string): boolean => title.includes(flags.only);
  const { preset } = flags;
  const control = await controlBytes(preset);
  const live = await liveRows(flags, isWanted);
  await waitForQuiet(flags.patience);
  const regions = await regionRows({ preset, times: flags.quick ? 1 : 15, controlBytes: control }, isWanted);
  await waitForQuiet(flags.patience);
  const result = { live, regions, workers: isWanted('workers') ? await crowdRows(crowdPlan(flags)) : [] };
  if (Object.values(result).every((rows) => rows.length === 0)) {
    throw new Error(`There is nothing called ${flags.only}: give a part of "live 10^3", "region 1 GiB" or "workers".`);
  }
  const environment = { ...machine(), command: commandOf(flags) };
  return { bench: 'scale', preset, ...result, controlBytes: control, environment };
}

function nsOf({ mops: { median, min, max } }: Measured): string {
  return showSpread({ median: 1000 / median, min: 1000 / max, max: 1000 / min });
}

function printLive(rows: readonly LiveRow[]): void {
  if (rows.length === 0) return;
  printTable(
    ['blocks', 'bytes', 'ns/op', 'against', 'ratio'],
    rows.map(({ title, candidates, ratio }) => {
      const [own] = candidates;
      const rival = candidates.at(1);
      const [{ sizeMin, sizeMax }] = own.runs;
      const against = rival === undefined ? '-' : `${showName(rival)}\n${nsOf(rival)}`;
      return [title, `${sizeMin}-${sizeMax}`, nsOf(own), against, ratio === undefined ? '-' : showSpread(ratio)];
    }),
  );
  for (const { title, skipped } of rows) sayLeftOut(skipped, title);
}

const microseconds = ({ median, min, max }: Spread): string =>
  showSpread({ median: median * 1000, min: min * 1000, max: max * 1000 });

function printRegions(rows: readonly RegionRow[]): void {
  if (rows.length === 0) return;
  printTable(
    [
      'start of a worker, µs',
      'create',
      'first malloc',
      'next 10,000',
      'attach',
      'first malloc',
      'next 10,000',
      'tables',
      'of them at first',
    ],
    rows.flatMap((row) =>
      [row.first, row.again].map(({ create, attach }, i) => [
        i === 0 ? row.name : 'the same again',
        microseconds(create.entryMs),
        microseconds(create.mallocMs),
        microseconds(create.burstMs),
        microseconds(attach.entryMs),
        microseconds(attach.mallocMs),
        microseconds(attach.burstMs),
        ...(i === 0 ? [mib(row.tableBytes), mib(row.tableBytesFirst)] : ['', '']),
      ]),
    ),
  );
}

function printWorkers(rows: readonly CrowdRow[]): void {
  if (rows.length === 0) return;
  printTable(
    ['registered', 'attached', 'reserved', 'malloc + free, ns', 'remote free, ns', 'attach, µs'],
    rows.map((row) => [
      row.name,
      row.attached,
      row.reserved,
      showSpread(row.pairNs),
      showSpread(row.remoteFreeNs),
      microseconds(row.attachMs),
    ]),
  );
}

function printScale(result: ScaleResult): void {
  printLive(result.live);
  printRegions(result.regions);
  printWorkers(result.workers);
  process.stdout.write(
    'Medians (and extremes). An op is one malloc or one free. A worker starts with nothing compiled; again is in the same worker.\n' +
      `A worker's control block takes ${result.controlBytes} bytes. preset ${result.preset}, node ${result.environment.node}\n` +
      `$ ${result.environment.command}\n`,
  );
}

export function addScale(program: Command): void {
  program
    .command('scale')
    .description(
      'the cost of an operation by live blocks and by registered workers, of a start by the size of the region',
    )
    .option('--preset <name>', 'preset of the heap', 'production')
    .option('--only <text>', 'only rows whose title contains it: live 10^7, region, workers', '')
    .option('--huge', '10^8 live blocks too, of 16 to 32 bytes: takes 3.2 GiB and a table of 0.8 GiB', false)
    .addOption(quickOption())
    .addOption(repeatOption(3))
    .addOption(patienceOption(20))
    .addOption(jsonOption())
    .action(async (flags: Flags) => {
      warnOfLoad();
      const result = await measureScale(flags);
      if (flags.json === true) printJson(result);
      else printScale(result);
    });
}
