/** What a run found and cost, as one object, and as tables for people. */
import Table from 'cli-table3';
import { relative } from 'node:path';
import { type Heap } from 'sabmalloc';
import { MAX_FILE_BYTES, type SkipReason } from './files.js';
import { type Answer } from './query.js';
import { bytes, count, counted, percent, perSecond, seconds } from './units.js';
import { LONGEST_WORD_BYTES } from './words.js';

/** Columns of a terminal, where there is none to ask. */
const DEFAULT_COLUMNS = 120;
const INDENT = '  ';
const COUNT_COLUMNS = 8;

export interface HeapFigures {
  readonly liveBlocks: number;
  readonly liveBytes: number;
  readonly committedBytes: number;
  readonly peakCommittedBytes: number;
  /** Share of the bytes committed for blocks that no live block uses. */
  readonly fragmentation: number;
  /** Blocks freed by a worker that didn't own them, so far. */
  readonly remoteFrees: number;
  readonly remoteFreesPending: number;
  /** Slabs taken over from workers that ended. */
  readonly adoptions: number;
}

export interface BuildFigures {
  readonly threads: readonly number[];
  readonly milliseconds: number;
  readonly files: number;
  readonly bytes: number;
  readonly words: number;
  readonly distinctWords: number;
  /** (word, file) pairs in the index. */
  readonly postings: number;
  readonly overlongWords: number;
  readonly skipped: Readonly<Record<SkipReason, number>>;
  readonly remoteFrees: number;
  readonly failure: Error | undefined;
}

export interface ReleaseFigures {
  readonly threads: readonly number[];
  readonly milliseconds: number;
  readonly blocks: number;
  readonly remoteFrees: number;
}

export interface Report {
  readonly folder: string;
  readonly workers: number;
  readonly build: BuildFigures;
  readonly answers: readonly Answer[];
  readonly release: ReleaseFigures;
  /** The heap when the index stands, when its words have been freed, and when the heap has tidied up. */
  readonly built: HeapFigures;
  readonly freed: HeapFigures;
  readonly collected: HeapFigures;
}

export function heapFigures(heap: Heap): HeapFigures {
  const { liveBlocks, liveBytes, committedBytes, peakCommittedBytes, fragmentation, remoteFreesPending, counters } =
    heap.stats();
  const { remoteFrees, adoptions } = counters;
  return {
    liveBlocks,
    liveBytes,
    committedBytes,
    peakCommittedBytes,
    fragmentation,
    remoteFrees,
    remoteFreesPending,
    adoptions,
  };
}

/** Errors have no JSON of their own: the failure becomes its message. */
export function toJson(report: Report): string {
  const build = { ...report.build, failure: report.build.failure?.message };
  return JSON.stringify({ ...report, build, liveBlocks: report.collected.liveBlocks }, null, 2);
}

export function toText(report: Report): string {
  const liveBlocks = `live blocks: ${count(report.collected.liveBlocks)}`;
  const parts = [buildText(report), answersText(report), heapText(report), liveBlocks];
  return parts.filter((part) => part !== '').join('\n\n');
}

function buildText({ build }: Report): string {
  const { skipped, milliseconds } = build;
  const [filesPerSecond, wordsPerSecond] = [build.files, build.words].map((n) => count(perSecond(n, milliseconds)));
  const lines = [
    `indexed   ${counted(build.files, 'file')} (${bytes(build.bytes)}) in ${seconds(milliseconds)}: ${filesPerSecond} files/s, ${wordsPerSecond} words/s`,
    `words     ${count(build.words)}, ${count(build.distinctWords)} of them distinct, in ${count(build.postings)} postings`,
    `skipped   files: ${count(skipped.binary)} binary, ${count(skipped.tooLarge)} over ${bytes(MAX_FILE_BYTES)}, ${count(skipped.unreadable)} unreadable`,
    `left out  ${counted(build.overlongWords, 'word')} over ${LONGEST_WORD_BYTES} bytes`,
  ];
  if (build.failure !== undefined) lines.push(`stopped   ${build.failure.message}`);
  return lines.join('\n');
}

function answersText({ answers, folder }: Report): string {
  const room = (process.stdout.columns || DEFAULT_COLUMNS) - INDENT.length - COUNT_COLUMNS - 3;
  const blocks = answers.map(({ query, files, occurrences, microseconds, top }) => {
    const title = `"${query}": ${counted(files, 'file')}, ${counted(occurrences, 'occurrence')}, in ${count(microseconds)} us`;
    const best = top.map((file) => {
      return `${INDENT}${count(file.occurrences).padStart(COUNT_COLUMNS)}  ${shortened(relative(folder, file.path), room)}`;
    });
    return [title, ...best].join('\n');
  });
  return blocks.join('\n');
}

function heapText({ built, freed, collected, build, release }: Report): string {
  const table = newTable(['heap', 'index built', 'words freed', 'collected'], ['left', 'right', 'right', 'right']);
  const row = (name: string, text: (figures: HeapFigures) => string) =>
    table.push([name, text(built), text(freed), text(collected)]);
  row('live blocks', (figures) => count(figures.liveBlocks));
  row('live bytes', (figures) => bytes(figures.liveBytes));
  row('committed', (figures) => bytes(figures.committedBytes));
  row('peak committed', (figures) => bytes(figures.peakCommittedBytes));
  row('fragmentation', (figures) => (figures.liveBytes > 0 ? percent(figures.fragmentation) : '-'));
  row('remote frees pending', (figures) => count(figures.remoteFreesPending));
  const lines = [
    `freed     ${count(release.blocks)} blocks in ${seconds(release.milliseconds)} ` +
      `from ${threadNames(release.threads)}, allocated from ${threadNames(build.threads)}`,
    `remote    ${count(build.remoteFrees)} frees by non-owners while indexing, ${count(release.remoteFrees)} while freeing`,
  ];
  return `${table.toString().replace(/ +$/gm, '')}\n\n${lines.join('\n')}`;
}

/** No boxes: they take room that paths need. */
function newTable(head: string[], colAligns: Table.HorizontalAlignment[]): Table.Table {
  const names = ['top', 'bottom', 'left', 'right', 'middle'] as const;
  const corners = ['top-left', 'top-right', 'bottom-left', 'bottom-right', 'left-mid', 'right-mid'] as const;
  const mids = ['top-mid', 'bottom-mid', 'mid-mid', 'mid'] as const;
  const none = Object.fromEntries([...names, ...corners, ...mids].map((name) => [name, '']));
  return new Table({
    head,
    colAligns,
    chars: none,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
}

/** The end of a path says more than its middle. */
function shortened(path: string, room: number): string {
  return path.length <= room ? path : `...${path.slice(3 - room)}`;
}

/** A pool starts its threads one after the other: their numbers follow each other. */
function threadNames(threads: readonly number[]): string {
  return threads.length === 1 ? `thread ${threads[0]}` : `threads ${Math.min(...threads)}-${Math.max(...threads)}`;
}
