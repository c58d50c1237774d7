import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError, type Command } from 'commander';
import { readTraceFile, type Trace } from '../trace/index.js';
import { presetNamed, type NamedPreset } from './preset-files.js';
import { type Answer, type Candidate, type Round } from './replay-child.js';
import { table } from './table.js';
import { grouped, mebibytes } from './words.js';

const DEFAULT_PRESETS = 'production,perf-main,minimal';
const DEFAULT_ROUNDS = 9;
const ROUNDS_MOST = 1000;
const EXIT_FAILURE = 1;

const EXAMPLES = `
Examples:
  sabmalloc replay trace.bin.gz                                  ${DEFAULT_PRESETS}
  sabmalloc replay trace.bin.gz --preset production,mine.json    a preset of your own against the default

Each preset has a process of its own; rounds, of a tenth of a second at least, alternate between them, after one that isn't counted. One worker makes all calls in recorded
order, whichever thread made them. What lives at the end is freed after each round.
Ends with code 0, 1 if a preset has no room for the trace, 2 for anything wrong.`;

interface ReplayFlags {
  readonly preset: string;
  readonly rounds: number;
  readonly json?: true;
}

/** Adds `replay` to the program. */
export function replayCommand(program: Command): void {
  const command = program
    .command('replay')
    .description('Replays a recorded program on heaps of several presets, and compares time and memory.')
    .argument('<trace>', 'a trace file, of sabmalloc record or of the same form')
    .option('--preset <names>', 'names of presets and .json files, with commas between', DEFAULT_PRESETS)
    .option('--rounds <n>', 'rounds of each that count', rounds, DEFAULT_ROUNDS)
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES);
  command.action((file: string, flags: ReplayFlags) => replay(file, flags, command));
}

function rounds(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= 1 && value <= ROUNDS_MOST) return value;
  throw new InvalidArgumentError(`Write an integer from 1 to ${ROUNDS_MOST}, such as ${DEFAULT_ROUNDS}.`);
}

async function replay(file: string, flags: ReplayFlags, command: Command): Promise<void> {
  const presets = flags.preset.split(',').map((text) => presetNamed(text.trim(), command));
  const trace = readOrRefuse(file, command);
  const runners = presets.map((preset) => new Runner(file, preset));
  try {
    for (let round = 0; round <= flags.rounds; round++) for (const runner of runners) await runner.round(round > 0);
  } finally {
    for (const runner of runners) runner.end();
  }
  const results = runners.map((runner) => runner.result(trace));
  process.stdout.write(flags.json === true ? `${asJson(file, trace, flags, results)}\n` : asText(file, trace, results));
  if (results.some(({ failure }) => failure !== undefined)) process.exitCode = EXIT_FAILURE;
}

function readOrRefuse(file: string, command: Command): Trace {
  try {
    const trace = readTraceFile(file);
    if (trace.events > 0) return trace;
  } catch (error) {
    return command.error(`error: ${(error as Error).message}; give a file that sabmalloc record made.`);
  }
  return command.error(`error: ${file} holds no event: there is nothing to replay.`);
}

interface Result {
  readonly preset: string;
  readonly failure?: string;
  readonly nsPerEvent?: { readonly median: number; readonly least: number; readonly most: number };
  readonly peakCommittedBytes?: number;
  readonly committedPerLive?: number;
  /** Of one replay of the trace, as are the spills: the median. */
  readonly cacheMisses?: number;
  readonly cacheSpills?: number;
  readonly checksum?: string;
}

const middle = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >>> 1];

/** One preset, in its process. */
class Runner {
  private readonly child: ChildProcess;
  private readonly measured: Round[] = [];
  private failure: string | undefined;

  constructor(
    trace: string,
    private readonly named: NamedPreset,
  ) {
    const candidate = { trace, preset: named.preset } as Candidate;
    this.child = fork(fileURLToPath(new URL('./replay-child.js', import.meta.url)), [JSON.stringify(candidate)]);
  }

  /** One time through the trace; nothing more after a failure. */
  async round(isMeasured: boolean): Promise<void> {
    if (this.failure !== undefined) return;
    const answer = await this.ask();
    if ('failure' in answer) this.failure = answer.failure;
    else if (isMeasured) this.measured.push(answer.round);
  }

  private ask(): Promise<Answer> {
    return new Promise((resolve) => {
      const gone = (code: number | null): void => resolve({ failure: `its process ended with code ${code}` });
      this.child.once('exit', gone);
      this.child.once('message', (answer) => {
        this.child.off('exit', gone);
        resolve(answer as Answer);
      });
      if (this.child.connected) this.child.send('round');
      else gone(this.child.exitCode);
    });
  }

  end(): void {
    this.child.kill();
  }

  result({ events, peakLiveBytes }: Trace): Result {
    const preset = this.named.label;
    if (this.failure !== undefined) return { preset, failure: this.failure };
    const times = this.measured.map(({ nanoseconds }) => nanoseconds / events);
    const { peakCommittedBytes, checksum } = this.measured[this.measured.length - 1];
    return {
      preset,
      nsPerEvent: { median: middle(times), least: Math.min(...times), most: Math.max(...times) },
      peakCommittedBytes,
      committedPerLive: peakCommittedBytes / peakLiveBytes,
      cacheMisses: middle(this.measured.map(({ cacheMisses }) => cacheMisses)),
      cacheSpills: middle(this.measured.map(({ cacheSpills }) => cacheSpills)),
      checksum: checksum.toString(16).padStart(8, '0'),
    };
  }
}

function asJson(file: string, trace: Trace, flags: ReplayFlags, results: readonly Result[]): string {
  const { events, threads, peakLiveBytes, peakLiveBlocks } = trace;
  const about = { trace: file, events, threads, peakLiveBytes, peakLiveBlocks, rounds: flags.rounds };
  return JSON.stringify({ ...about, node: process.version, results }, null, 2);
}

function asText(file: string, trace: Trace, results: readonly Result[]): string {
  const { events, threads, peakLiveBytes } = trace;
  const who = `${grouped(events)} events of ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  const head = ['preset', 'ns/event', 'least', 'most', 'peak committed', '/ live', 'misses', 'spills', 'checksum'];
  const rows = results.flatMap(({ preset, nsPerEvent: time, ...rest }) => {
    if (time === undefined) return [];
    const times = [time.median, time.least, time.most].map((value) => value.toFixed(1));
    const memory = [mebibytes(rest.peakCommittedBytes!), rest.committedPerLive!.toFixed(3)];
    return [[preset, ...times, ...memory, grouped(rest.cacheMisses!), grouped(rest.cacheSpills!), rest.checksum!]];
  });
  const failed = results.flatMap(({ preset, failure }) => (failure === undefined ? [] : [`${preset}: ${failure}`]));
  const lines = [`${file}: ${who}, peak live ${mebibytes(peakLiveBytes)}`, '', ...table(head, rows), ...failed];
  return `${lines.join('\n')}\n`;
}
