/** The run itself, in the order of the story: build with some workers, answer, free with others, count what is left. */
import { Piscina } from 'piscina';
import { type Heap } from 'sabmalloc';
import { type Options } from './cli.js';
import { MAX_FILE_BYTES, parcelsOf, type Parcel, type SourceFile } from './files.js';
import { Progress, type ProgressStyle } from './progress.js';
import { answer } from './query.js';
import { heapFigures, type Report } from './report.js';
import { SharedIndex } from './shared-index.js';
import { bytes, count, millions, perSecond } from './units.js';
import { type BucketRange, type BuildResult } from './worker.js';

/** A folder of source code holds about one distinct word per so many bytes; a wrong guess costs time, nothing else. */
const BYTES_PER_DISTINCT_WORD = 400;
/** While a worker works on one task, the next one already waits in its queue. */
const TASKS_PER_WORKER = 2;
const RELEASE_TASKS_PER_WORKER = 8;

export async function run(heap: Heap, options: Options, files: SourceFile[], style: ProgressStyle): Promise<Report> {
  const readable = files.filter((file) => file.bytes <= MAX_FILE_BYTES);
  const expectedWords = readable.reduce((sum, file) => sum + file.bytes, 0) / BYTES_PER_DISTINCT_WORD;
  const index = SharedIndex.create(heap, expectedWords);
  const built = await buildIndex(heap, index, options.workers, parcelsOf(files), style);
  const paths = files.map((file) => file.path);
  const answers = built.build.failure === undefined ? options.queries.map((query) => answer(index, query, paths)) : [];
  const release = await releaseIndex(heap, index, options.workers, style);
  index.freeTable();
  heap.collect();
  heap.check();
  return {
    folder: options.folder,
    workers: options.workers,
    answers,
    ...built,
    ...release,
    collected: heapFigures(heap),
  };
}

async function buildIndex(
  heap: Heap,
  index: SharedIndex,
  workers: number,
  parcels: readonly Parcel[],
  style: ProgressStyle,
): Promise<Pick<Report, 'build' | 'built'>> {
  const { piscina, threads } = await startPool<Parcel, BuildResult>(heap, index, workers, 'build');
  const figures = {
    files: 0,
    bytes: 0,
    words: 0,
    distinctWords: 0,
    postings: 0,
    overlongWords: 0,
    milliseconds: 0,
    threads,
  };
  const skipped = { binary: 0, tooLarge: 0, unreadable: 0 };
  const start = performance.now();
  const detail = () => {
    const milliseconds = performance.now() - start;
    const [filesPerSecond, wordsPerSecond] = [figures.files, figures.words].map((n) => perSecond(n, milliseconds));
    const live = bytes(heapFigures(heap).liveBytes);
    return `${count(filesPerSecond)} files/s, ${millions(wordsPerSecond)} words/s, heap ${live}`;
  };
  const progress = new Progress(style, 'indexing', parcels.length, detail);
  const failure = await runAll(piscina, workers, parcels, (result) => {
    figures.files += result.files;
    figures.bytes += result.bytes;
    figures.words += result.words;
    figures.distinctWords += result.newWords;
    figures.postings += result.postings;
    figures.overlongWords += result.overlongWords;
    for (const reason of ['binary', 'tooLarge', 'unreadable'] as const) skipped[reason] += result.skipped[reason];
    progress.add(1);
  });
  figures.milliseconds = performance.now() - start;
  progress.stop();
  const built = heapFigures(heap);
  await piscina.destroy();
  return { build: { ...figures, skipped, remoteFrees: built.remoteFrees, failure }, built };
}

/** The workers that built the index are gone; others free it, and so free what they never allocated. */
async function releaseIndex(
  heap: Heap,
  index: SharedIndex,
  workers: number,
  style: ProgressStyle,
): Promise<Pick<Report, 'release' | 'freed'>> {
  const remoteFreesBefore = heapFigures(heap).remoteFrees;
  const { piscina, threads } = await startPool<BucketRange, number>(heap, index, workers, 'release');
  const ranges = bucketRanges(index.ref.bucketCount, workers * RELEASE_TASKS_PER_WORKER);
  const start = performance.now();
  let blocks = 0;
  const progress = new Progress(style, 'freeing ', ranges.length, () => `${count(blocks)} blocks`);
  const failure = await runAll(piscina, workers, ranges, (freedBlocks) => {
    blocks += freedBlocks;
    progress.add(1);
  });
  const milliseconds = performance.now() - start;
  progress.stop();
  const freed = heapFigures(heap);
  await piscina.destroy();
  if (failure !== undefined) throw failure;
  return { release: { threads, milliseconds, blocks, remoteFrees: freed.remoteFrees - remoteFreesBefore }, freed };
}

/** Workers that have attached to the heap. */
interface Pool<Task, Result> {
  readonly piscina: Piscina<Task | undefined, Result>;
  readonly threads: readonly number[];
}

/**
 * Starts workers and waits until all have attached: one that came when the others have filled the heap would find no
 * room. The heap watches them: when they end, what they own in it is taken over.
 */
async function startPool<Task, Result>(
  heap: Heap,
  index: SharedIndex,
  workers: number,
  name: string,
): Promise<Pool<Task, Result>> {
  const piscina = new Piscina<Task | undefined, Result>({
    filename: new URL('./worker.js', import.meta.url).href,
    name,
    minThreads: workers,
    maxThreads: workers,
    workerData: { token: heap.token, index: index.ref },
  });
  for (const thread of piscina.threads) heap.watch(thread);
  const threads = piscina.threads.map((thread) => thread.threadId);
  try {
    // As many tasks as idle workers: each gets one.
    await Promise.all(threads.map(() => piscina.run(undefined, { name: 'attach' })));
  } catch (error) {
    await piscina.destroy();
    throw error;
  }
  return { piscina, threads };
}

/**
 * Runs every task. After a failure no further one is started, but those under way come to their end: a worker stopped in
 * the middle would leave a bucket locked and a block nobody knows.
 */
async function runAll<Task, Result>(
  piscina: Piscina<Task | undefined, Result>,
  workers: number,
  tasks: readonly Task[],
  done: (result: Result) => void,
): Promise<Error | undefined> {
  let failure: Error | undefined;
  let next = 0;
  const work = async () => {
    while (failure === undefined && next < tasks.length) {
      try {
        done(await piscina.run(tasks[next++]));
      } catch (error) {
        failure ??= error instanceof Error ? error : new Error(String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: workers * TASKS_PER_WORKER }, work));
  return failure;
}

function bucketRanges(bucketCount: number, parts: number): BucketRange[] {
  const edge = (n: number) => Math.floor((bucketCount * n) / parts);
  return Array.from({ length: parts }, (_, n) => ({ firstBucket: edge(n), bucketEnd: edge(n + 1) }));
}
