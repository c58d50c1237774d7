import { createHeap } from '../rivals/ground.js';
import { type StartOptions } from '../../workers/start-worker.js';
import { startTimes, type StartTimes } from './starts.js';

interface Starts {
  readonly create: StartTimes;
  readonly attach: StartTimes;
}

export interface RegionRow {
  readonly name: string;
  readonly maxBytes: number;
  readonly first: Starts;
  /** The second time in the same worker. */
  readonly again: Starts;
  /** Tables at the region's full length, and the part of them that describes the memory it begins with. */
  readonly tableBytes: number;
  readonly tableBytesFirst: number;
}

export interface RegionPlan {
  readonly preset: string;
  /** Workers that make a heap, and as many that attach to one. */
  readonly times: number;
  /** Of each worker. */
  readonly controlBytes: number;
}

const REGIONS: readonly (readonly [string, StartOptions])[] = [
  ['region 64 MiB', { maxBytes: 2 ** 26 }],
  ['region 1 GiB', { maxBytes: 2 ** 30 }],
  ['region 1 GiB, warm', { maxBytes: 2 ** 30, warmCaches: 1024, prewarmBytes: 2 ** 23 }],
  ['region 4 GiB', { maxBytes: 2 ** 32 }],
];

/** What the tables take. The only other metadata of a heap without blocks is its one worker's control block. */
function tablesOf(options: { maxBytes: number; backing: string }, { preset, controlBytes }: RegionPlan): number {
  const heap = createHeap({ preset, options });
  const { metadataBytes } = heap.stats();
  heap.detach();
  return metadataBytes - controlBytes;
}

async function regionRow(name: string, options: StartOptions, plan: RegionPlan): Promise<RegionRow> {
  const { preset, times } = plan;
  const { maxBytes } = options;
  const created = await startTimes({ preset, options }, times);
  const heap = createHeap({ preset, options: { ...options } });
  const entered = await startTimes({ token: heap.token }, times, heap);
  heap.detach();
  return {
    name,
    maxBytes,
    first: { create: created.first, attach: entered.first },
    again: { create: created.again, attach: entered.again },
    tableBytes: tablesOf({ maxBytes, backing: 'fixed' }, plan),
    tableBytesFirst: tablesOf({ maxBytes, backing: 'auto' }, plan),
  };
}

/** How long a heap takes to be there, by the largest size of its region. */
export async function regionRows(plan: RegionPlan, isWanted: (title: string) => boolean): Promise<RegionRow[]> {
  const rows: RegionRow[] = [];
  for (const [name, options] of REGIONS) if (isWanted(name)) rows.push(await regionRow(name, options, plan));
  return rows;
}
