import { type LearnedPreset } from './learn-preset.js';
import { type Trace } from '../trace/index.js';
import { type Replayed } from './learn-replay.js';

type Cells = readonly (string | number)[];

const grouped = (value: number): string => value.toLocaleString('en-US');

/** Columns as wide as their widest cell, two spaces between them, the first one to the left. */
function columns(head: Cells, rows: readonly Cells[]): string[] {
  const lines = [head, ...rows].map((cells) => cells.map((cell) => (typeof cell === 'number' ? grouped(cell) : cell)));
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => cells[column].length)));
  return lines.map((cells) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  '),
  );
}

/** What was learned of each class, and how the heaps compare; `learning` is the one that learned. */
export function showLearned(
  trace: Trace,
  preset: LearnedPreset,
  heaps: Readonly<Record<string, Replayed> & { learning: Replayed }>,
): string {
  const { trimShare, classes } = heaps.learning.learned;
  const learned = columns(
    ['block bytes', 'misses', 'spills', 'cache blocks', 'cache bytes', 'refill blocks', 'empty slabs kept'],
    classes.map((one) => [
      grouped(one.blockBytes),
      one.cacheMisses,
      one.cacheSpills,
      one.capacityBlocks,
      one.capacityBlocks * one.blockBytes,
      one.refillBlocks,
      one.emptySlabsKept,
    ]),
  );
  const compared = columns(
    ['heap', 'misses', 'spills', 'committed / live', 'ns an event, one run'],
    Object.entries(heaps).map(([name, one]) => [
      name,
      one.misses,
      one.spills,
      one.committedPerLive.toFixed(3),
      one.nsPerEvent.toFixed(1),
    ]),
  );
  return [
    `${trace.name}: ${grouped(trace.events)} events, all on one worker`,
    '',
    ...learned,
    '',
    `trims at a growth of 1/${1 / trimShare}`,
    '',
    ...compared,
    '',
    `preset ${preset.name}: ${JSON.stringify(preset.options)}, extends ${preset.extends}`,
  ].join('\n');
}
