/** The run itself, in the order of the story: build with some workers, answer, free with others, count what is left. */
import { type Heap } from 'sabmalloc';
import { Channel, structs, texts } from 'sabmalloc/collections';
import { createPool, type HeapPool } from 'sabmalloc/piscina';
import { type Options } from './cli.js';
import { MAX_FILE_BYTES, Outcome, parcelsOf, type Parcel, type SourceFile } from './files.js';
import { STRIPES, WordIndex } from './index.js';
import { Progress, type ProgressStyle } from './progress.js';
import { answer } from './query.js';
import { heapFigures, type Report } from './report.js';
import type * as tasks from './tasks.js';
import { bytes, count, millions, perSecond } from './units.js';

type Tasks = typeof tasks;

/** A folder of source code holds about one distinct word per so many bytes. */
const BYTES_PER_DISTINCT_WORD = 400;
/** Messages that wait for a worker, and so what they take of the heap. */
const MESSAGES_PER_WORKER = 2;
/** Kept back while the index grows, for each thread: to come in and free it they need some memory too. */
const RESERVE_BYTES = 64 * 1024;

export async function run(heap: Heap, options: Options, files: SourceFile[], style: ProgressStyle): Promise<Report> {
  const reserve = heap.malloc((1 + options.workers) * RESERVE_BYTES);
  const readable = files.filter((file) => file.bytes <= MAX_FILE_BYTES);
  const expectedWords = readable.reduce((sum, file) => sum + file.bytes, 0) / BYTES_PER_DISTINCT_WORD;
  const index = WordIndex.create(heap, expectedWords);
  const built = await buildIndex(heap, index, options.workers, parcelsOf(files), style);
  const paths = files.map((file) => file.path);
  const answers = built.build.failure === undefined ? options.queries.map((query) => answer(index, query, paths)) : [];
  heap.free(reserve);
  const release = await releaseIndex(heap, index, options.workers, style);
  index.map.dispose();
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
  index: WordIndex,
  workers: number,
  parcels: readonly Parcel[],
  style: ProgressStyle,
): Promise<Pick<Report, 'build' | 'built'>> {
  const work = Channel.create(heap, texts, { capacity: workers * MESSAGES_PER_WORKER });
  const outcomes = Channel.create(heap, structs(Outcome), { capacity: workers * MESSAGES_PER_WORKER });
  const args = { index: index.map.address, parcels: work.address, outcomes: outcomes.address };
  await using pool = startPool(heap, workers);
  const threads = threadsOf(pool);
  const figures = { files: 0, bytes: 0, words: 0, postings: 0, overlongWords: 0 };
  const skipped = { binary: 0, tooLarge: 0, unreadable: 0 };
  const start = performance.now();
  const detail = () => {
    const milliseconds = performance.now() - start;
    const [filesPerSecond, wordsPerSecond] = [figures.files, figures.words].map((n) => perSecond(n, milliseconds));
    const live = bytes(heapFigures(heap).liveBytes);
    return `${count(filesPerSecond)} files/s, ${millions(wordsPerSecond)} words/s, heap ${live}`;
  };
  const progress = new Progress(style, 'indexing', parcels.length, detail);
  const tasks = threads.map(() => pool.run('build', args));
  const fed = feed(
    work,
    parcels.map((parcel) => JSON.stringify(parcel)),
    tasks,
  ).finally(() => outcomes.close());
  for await (const outcome of outcomes) {
    addTo(figures, outcome);
    addTo(skipped, outcome);
    outcome.free();
    progress.add(1);
  }
  const failure = await fed;
  const milliseconds = performance.now() - start;
  progress.stop();
  work.dispose();
  outcomes.dispose();
  const built = heapFigures(heap);
  const { remoteFrees } = built;
  const distinctWords = index.map.size;
  return { build: { ...figures, distinctWords, skipped, milliseconds, threads, remoteFrees, failure }, built };
}

/** The workers that built the index are gone; others free it, and so free what they never allocated. */
async function releaseIndex(
  heap: Heap,
  index: WordIndex,
  workers: number,
  style: ProgressStyle,
): Promise<Pick<Report, 'release' | 'freed'>> {
  const remoteFreesBefore = heapFigures(heap).remoteFrees;
  await using pool = startPool(heap, workers);
  const start = performance.now();
  let blocks = 0;
  const progress = new Progress(style, 'freeing ', STRIPES, () => `${count(blocks)} blocks`);
  const tasks = Array.from({ length: STRIPES }, async (_, stripe) => {
    const freed = await pool.run('release', { index: index.map.address, stripe });
    blocks += freed;
    progress.add(1);
  });
  await Promise.all(tasks);
  const milliseconds = performance.now() - start;
  progress.stop();
  const freed = heapFigures(heap);
  const remoteFrees = freed.remoteFrees - remoteFreesBefore;
  return { release: { threads: threadsOf(pool), milliseconds, blocks, remoteFrees }, freed };
}

function startPool(heap: Heap, workers: number): HeapPool<Tasks> {
  const filename = new URL('./tasks.js', import.meta.url);
  return createPool<Tasks>(heap, { filename, minThreads: workers, maxThreads: workers });
}

function threadsOf(pool: HeapPool<Tasks>): number[] {
  return pool.piscina.threads.map((thread) => thread.threadId);
}

/**
 * Sends messages to tasks that receive until there are no more, and waits until all have ended. Returns why one of them failed: it
 * has closed the channel then, so that no further message is sent, and the others come to their end.
 */
async function feed(
  channel: Channel<string>,
  messages: Iterable<string>,
  tasks: readonly Promise<unknown>[],
): Promise<Error | undefined> {
  const ended = Promise.allSettled(tasks).finally(() => channel.close());
  let failure: unknown;
  try {
    for (const message of messages) await channel.sendAsync(message);
  } catch (error) {
    failure = error;
  }
  channel.close();
  // What made a task close the channel says more than that it is closed.
  failure = (await ended).find((task) => task.status === 'rejected')?.reason ?? failure;
  return failure as Error | undefined;
}

function addTo<Name extends string>(
  sums: Record<Name, number>,
  outcome: Readonly<Record<NoInfer<Name>, number>>,
): void {
  for (const name of Object.keys(sums) as Name[]) sums[name] += outcome[name];
}
