import { Option, type Command } from 'commander';
import {
  integerOption,
  parseBytes,
  parseOrders,
  parseRecordSize,
  parseSetting,
  parseSizeList,
  parseSizeRange,
  type SizeRange,
} from './flags.js';
import { OWN, type BenchName, type OptionValue, type Order, type Spec } from './spec.js';

/** The flags of all benches as commander hands them over; each bench has some of them. */
interface Flags {
  readonly workers?: number;
  readonly size?: SizeRange | number[];
  readonly slots?: number;
  readonly live?: number;
  readonly length?: number;
  readonly unsafe?: boolean;
  readonly allocator: string;
  readonly ops?: number;
  readonly burst?: number;
  readonly order?: Order[];
  readonly single?: boolean;
  readonly rounds: number;
  readonly warmup: number;
  readonly seed: number;
  readonly touch?: boolean;
  readonly verify?: boolean;
  readonly preset: string;
  readonly maxBytes?: number;
  readonly backing?: string;
  readonly set?: Record<string, OptionValue>;
}

/** What a spec is used for: to measure once, to compare, to profile. */
export type UseSpec = (spec: Spec, command: Command) => Promise<void>;

/** Adds the benches to `parent`, each with its flags; what is done with the resulting spec is up to `use`. */
export function addBenches(parent: Command, use: UseSpec): void {
  addBench(parent, 'larson', 'random blocks freed and replaced; each round on the slots of the next worker', 12, use)
    .addOption(workers(1))
    .addOption(sizeRange('8-64'))
    .addOption(integerOption('--slots <n>', 'blocks a worker keeps alive', 1, 65536, 1000))
    .addOption(integerOption('--burst <n>', 'blocks freed in a row, then allocated in a row', 1, 65536, 1))
    .addOption(operations(4_000_000));
  addBench(parent, 'random-mixed', 'random blocks freed and replaced by the worker they belong to', 30, use)
    .addOption(workers(1))
    .addOption(sizeRange('16-1024'))
    .addOption(integerOption('--live <n>', 'blocks a worker keeps alive', 1, 1 << 27, 400))
    .addOption(operations(1_000_000));
  addBench(parent, 'tiny-hot', 'blocks of one size allocated and all freed again, last or first one first', 30, use)
    .addOption(workers(1))
    .addOption(
      new Option('--size <list>', 'sizes, one after the other')
        .argParser(parseSizeList)
        .default([16, 32, 64], '16,32,64'),
    )
    .addOption(
      new Option('--order <list>', 'order of the frees').argParser(parseOrders).default(['lifo', 'fifo'], 'lifo,fifo'),
    )
    .addOption(integerOption('--slots <n>', 'blocks allocated before the first is freed', 1, 1 << 24, 100))
    .addOption(operations(1_000_000));
  addBench(parent, 'producer-consumer', 'one half of the workers allocates, the other half frees', 10, use)
    .addOption(workers(2))
    .addOption(sizeRange('8-64'))
    .addOption(integerOption('--slots <n>', 'length of the ring between two workers', 1, 1 << 24, 1024))
    .addOption(integerOption('--burst <n>', 'blocks handed over at once', 1, 1 << 24, 64))
    .addOption(operations(1_000_000));
  addBench(parent, 'worker-ring', 'every worker allocates for the next one and frees for the one before', 10, use)
    .addOption(workers(2))
    .addOption(sizeRange('8-64'))
    .addOption(integerOption('--slots <n>', 'length of the ring between two workers', 1, 1 << 24, 1024))
    .addOption(integerOption('--burst <n>', 'blocks handed over at once', 1, 1 << 24, 64))
    .addOption(operations(1_000_000));
  addBench(parent, 'short-lived', 'workers that free what earlier ones left, allocate as much, and end', 10, use)
    .addOption(workers(2))
    .addOption(sizeRange('16-1024'))
    .addOption(integerOption('--slots <n>', 'blocks a worker leaves to the next one', 1, 1 << 24, 20_000));
  addArrays(parent, use);
  addRecords(parent, use);
  addBench(parent, 'replay', 'a recorded program, with each free on the thread that did it', 5, use)
    .argument('<trace>', 'cc1, jq, python-pipeline, redis, sqlite or a file that ends in .bin.gz')
    .option('--single', 'everything on one worker, in recorded order');
}

function addArrays(parent: Command, use: UseSpec): void {
  addBench(parent, 'arrays', 'a Float32Array freed and replaced; --touch writes all of it', 10, use)
    .addOption(workers(1))
    .addOption(integerOption('--length <n>', 'elements of an array', 1, 1 << 26, 256))
    .addOption(integerOption('--live <n>', 'arrays a worker keeps alive', 1, 65536, 1))
    .option('--unsafe', 'allocUnsafe instead of alloc')
    .addOption(operations(200_000));
}

function addRecords(parent: Command, use: UseSpec): void {
  const size = new Option('--size <bytes>', 'size of a record, a multiple of 8').argParser(parseRecordSize);
  addBench(parent, 'records', 'one worker makes records, the other one reads them and lets them go', 10, use)
    .addOption(size.default({ min: 152, max: 152 }, '152'))
    .addOption(integerOption('--slots <n>', 'records on the way at most', 1, 1 << 24, 1024))
    .addOption(integerOption('--burst <n>', 'records handed over at once', 1, 1 << 24, 1))
    .addOption(operations(200_000));
}

const workers = (value: number): Option => integerOption('--workers <n>', 'workers at the same time', 1, 256, value);

const operations = (value: number): Option =>
  integerOption('--ops <n>', 'mallocs plus frees of each worker in a round', 1, 2 ** 31 - 1, value);

function sizeRange(text: string): Option {
  const doc = 'sizes of blocks in bytes, uniform in the range';
  return new Option('--size <range>', doc).argParser(parseSizeRange).default(parseSizeRange(text), text);
}

function addBench(parent: Command, name: BenchName, doc: string, rounds: number, use: UseSpec): Command {
  return parent
    .command(name)
    .description(doc)
    .addOption(integerOption('--rounds <n>', 'measured rounds', 1, 100_000, rounds))
    .addOption(integerOption('--warmup <n>', 'rounds before the measured ones', 0, 100_000, rounds))
    .addOption(integerOption('--seed <n>', 'seed of sizes and slots', 0, 2 ** 31 - 1, 1))
    .option('--touch', 'write a word at the start and the end of each block')
    .option('--verify', 'stamp each block and check it before the free; the speed then says nothing')
    .option('--preset <name>', 'preset of the heap', 'production')
    .option('--allocator <name>', 'sabmalloc or a rival; `rivals` lists them', OWN)
    .addOption(new Option('--max-bytes <bytes>', 'largest size of the heap').argParser(parseBytes))
    .option('--backing <kind>', 'what the heap is made of')
    .addOption(new Option('--set <name=value>', 'any option of the heap; may be repeated').argParser(parseSetting))
    .action(async (...words: unknown[]) => {
      const command = words.at(-1) as Command;
      const spec = specFrom(name, command.opts<Flags>(), name === 'replay' ? (words[0] as string) : '');
      const complaint = complaintAbout(spec);
      if (complaint !== undefined) command.error(`error: ${complaint}`);
      await use(spec, command);
    });
}

function specFrom(bench: BenchName, flags: Flags, trace: string): Spec {
  const sizes = Array.isArray(flags.size) ? flags.size : [];
  const range = Array.isArray(flags.size) ? { min: Math.min(...flags.size), max: Math.max(...flags.size) } : flags.size;
  const arrayBytes = (flags.length ?? 0) * Float32Array.BYTES_PER_ELEMENT;
  return {
    bench,
    allocator: flags.allocator,
    workers: bench === 'records' ? 2 : (flags.workers ?? 1),
    sizeMin: range?.min ?? arrayBytes,
    sizeMax: range?.max ?? arrayBytes,
    sizes,
    orders: flags.order ?? [],
    slots: flags.slots ?? flags.live ?? 0,
    rounds: flags.rounds,
    warmup: flags.warmup,
    ops: flags.ops ?? 0,
    burst: flags.burst ?? 1,
    seed: flags.seed,
    touch: flags.touch ?? false,
    verify: flags.verify ?? false,
    trace,
    single: flags.single ?? false,
    unsafe: flags.unsafe ?? false,
    preset: flags.preset,
    options: {
      ...(flags.maxBytes === undefined ? {} : { maxBytes: flags.maxBytes }),
      ...(flags.backing === undefined ? {} : { backing: flags.backing }),
      ...flags.set,
    },
  };
}

/** What flags that are fine each by itself get wrong together. */
function complaintAbout(spec: Spec): string | undefined {
  if (spec.bench === 'producer-consumer' && spec.workers % 2 !== 0) {
    return `--workers ${spec.workers} cannot be halved into producers and consumers; give an even number.`;
  }
  if (spec.burst > spec.slots && spec.bench !== 'replay') {
    return `--burst ${spec.burst} is more than the ${spec.slots} slots; give at most ${spec.slots}, or more --slots.`;
  }
  if (spec.verify && (spec.bench === 'arrays' || spec.bench === 'records')) {
    return `${spec.bench} has nothing to --verify; leave the flag away.`;
  }
  if (spec.touch && spec.verify) return '--verify writes into all blocks anyway; give --touch or --verify, not both.';
  return undefined;
}

export const quickOption = (): Option =>
  new Option('--quick', 'a small fraction of the work, to see that everything runs').default(false);

export const jsonOption = (): Option => new Option('--json', 'end with one line of JSON instead of a table');

export const repeatOption = (value: number): Option =>
  integerOption('--repeat <n>', 'runs of each candidate, in alternation', 1, 1000, value);

export const patienceOption = (value: number): Option =>
  integerOption('--patience <s>', 'seconds to wait before each run until other programs are quiet', 0, 3600, value);
