/** `npm run soak -- [flags]`: storms of workers that are killed at work, in heaps of every kind. */
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError, Option } from 'commander';
import { writeFileSync } from 'node:fs';
import { machine } from '../../bench/environment.js';
import { integer, integerOption } from '../../bench/flags.js';
import { browse, type BrowserFigures } from './browser.js';
import { noFigures } from './figures.js';
import { BACKINGS, type Combination, describe, PRESET_NAMES, SIZE_NAMES } from './plan.js';
import { report } from './report.js';
import { type Outlook, soak, type SoakOptions } from './soak.js';

interface Flags extends Partial<Combination> {
  readonly minutes?: number;
  readonly kills?: number;
  readonly rounds?: number;
  readonly seed: number;
  readonly workers: number;
  readonly skip: number;
  readonly json?: string;
}

const MANY = 1e9;
const VICTIMS_OF_A_ROUND = 48;
/** A round on a slow machine is cut short, so that all kinds of heaps have their turn. */
const ROUND_MS = 20_000;
/** A main thread that may not wait gets a tenth of the time, but no more than this. */
const BROWSER_SECONDS_MOST = 60;
const TELL_EVERY_SECONDS = 30;

function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (minutes > 0 && Number.isFinite(minutes)) return minutes;
  throw new InvalidArgumentError('Write a number of minutes above 0, such as 1 or 0.5.');
}

function flagsOf(args: readonly string[]): Flags {
  return new Command('soak')
    .description('Kills workers at work in heaps of every kind, and proves after each storm that nothing is lost.')
    .showHelpAfterError('Add --help to see what there is.')
    .addOption(new Option('--minutes <n>', 'how long (default: 1)').argParser(parseMinutes))
    .addOption(new Option('--kills <n>', 'stop after so many kills instead').argParser(integer(1, MANY)))
    .addOption(new Option('--rounds <n>', 'stop after so many rounds instead').argParser(integer(1, MANY)))
    .addOption(
      integerOption('--seed <n>', 'of everything that is drawn', 0, 2 ** 32 - 1, Math.floor(Math.random() * 2 ** 31)),
    )
    .addOption(
      new Option('--backing <name>', "only heaps in such memory; memory is the caller's own").choices(BACKINGS),
    )
    .addOption(new Option('--preset <name>', 'only heaps of this preset').choices(PRESET_NAMES))
    .addOption(new Option('--size <name>', 'only heaps of this size').choices(SIZE_NAMES))
    .addOption(integerOption('--workers <n>', 'workers at a time, a third of them survivors', 2, 9, 6))
    .addOption(integerOption('--skip <n>', 'rounds to leave out', 0, MANY, 0))
    .option('--json <file>', 'write the figures to a file')
    .parse([...args], { from: 'user' })
    .opts<Flags>();
}

function optionsOf({ minutes, kills, rounds, seed, workers, skip, backing, preset, size }: Flags): SoakOptions {
  const only = { ...(backing && { backing }), ...(preset && { preset }), ...(size && { size }) };
  return {
    minutes: minutes ?? (kills === undefined && rounds === undefined ? 1 : Infinity),
    kills: kills ?? Infinity,
    rounds: rounds ?? Infinity,
    seed,
    workers,
    skip,
    only,
    victims: VICTIMS_OF_A_ROUND,
    roundMs: ROUND_MS,
  };
}

/** A bar for people, and now and then a line for logs. */
class Progress {
  readonly #bar: SingleBar | undefined;
  #told = 0;

  constructor() {
    if (!process.stderr.isTTY) return;
    this.#bar = new SingleBar({ format: '{bar} {percentage} % | {kills} kills | {kind}', clearOnComplete: true });
    this.#bar.start(100, 0, { kills: 0, kind: '' });
  }

  show({ figures, seconds, share, next }: Outlook): void {
    const { kills, rounds } = figures;
    this.#bar?.update(Math.min(100, Math.floor(100 * share)), { kills, kind: describe(next) });
    if (this.#bar !== undefined || seconds < this.#told + TELL_EVERY_SECONDS) return;
    this.#told = seconds;
    process.stderr.write(`${Math.round(seconds)} s: ${rounds} rounds, ${kills} kills\n`);
  }

  stop(): void {
    this.#bar?.stop();
  }
}

async function main(args: readonly string[]): Promise<void> {
  const flags = flagsOf(args);
  const start = performance.now();
  const progress = new Progress();
  let figures = noFigures();
  let browser: BrowserFigures | undefined;
  let failure: string | null = null;
  try {
    await soak(optionsOf(flags), (outlook) => {
      figures = outlook.figures;
      progress.show(outlook);
    });
    const seconds = Math.max(1, Math.min(BROWSER_SECONDS_MOST, (performance.now() - start) / 10_000));
    browser = await browse({ seconds, seed: flags.seed });
  } catch (error) {
    failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.exitCode = 1;
  }
  progress.stop();
  const seconds = (performance.now() - start) / 1000;
  const command = ['npm run soak --', ...args, ...(args.includes('--seed') ? [] : ['--seed', flags.seed])].join(' ');
  const killsPerSecond = Number((figures.kills / seconds).toFixed(2));
  const environment = machine();
  const outcome = { ...figures, seconds, killsPerSecond, seed: flags.seed, command, environment, browser, failure };
  process.stdout.write(report(outcome));
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(outcome, undefined, 2)}\n`);
}

await main(process.argv.slice(2));
