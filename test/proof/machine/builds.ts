import type * as Check from '../../../src/heap/check.js';
import type * as Walk from '../../../src/heap/walk.js';
import type * as Channels from '../../../src/collections/channel.js';
import type * as Rings from '../../../src/collections/ring.js';
import type * as Selects from '../../../src/collections/select.js';
import type * as Config from '../../../src/config/index.js';
import type * as Tables from '../../../src/memory/tables.js';
import type * as RegionModule from '../../../src/memory/region.js';
import type * as Slices from '../../../src/pages/slices.js';
import type { Shared } from '../../../src/heap/handle-table.js';
import type { HeapSettings } from '../../../src/config/options.js';
import type { ResolvedOptions } from '../../../src/config/resolve.js';
import type { Region } from '../../../src/memory/region.js';
import type { Membership } from '../../../src/registry/attach.js';
import type * as OwnerModule from '../../../src/slabs/owner.js';
import type { Owner } from '../../../src/slabs/owner.js';
import type * as HolderModule from '../../../src/records/holder.js';
import type * as HashMapModule from '../../../src/collections/hash-map.js';
import type * as LruCacheModule from '../../../src/collections/lru-cache.js';
import type { ByteString } from '../../../src/collections/byte-string.js';
import type { PriorityQueue } from '../../../src/collections/priority-queue.js';
import type { Texts } from '../../../src/collections/texts.js';
import type { bytes, numbers, texts } from '../../../src/collections/values.js';
import type { Vector } from '../../../src/collections/vector.js';
import type * as Sync from '../../../src/sync/index.js';
import type * as SemaphoreModule from '../../../src/sync/semaphore.js';
import type * as Wait from '../../../src/records/wait.js';
import { compile, type Patch } from './compile.js';
import type { Machine } from './machine.js';
import type { Site } from './transform.js';

/** A call of the stepped build: runs when it is driven, one point at a time. */
export type Steps<T> = Generator<unknown, T, undefined>;

/** A heap of the stepped build: the same calls, each a generator. */
export interface SteppedHeap {
  malloc(bytes: number, alignment?: number): Steps<number>;
  tryMalloc(bytes: number, alignment?: number): Steps<number>;
  free(address: number): Steps<void>;
  realloc(address: number, bytes: number): Steps<number>;
  collect(): Steps<number>;
  detach(): Steps<void>;
  reclaim(workerId: number): Steps<boolean>;
  readonly workerId: number;
  /** Kept by hand between schedules. */
  readonly attachment: object;
  readonly sharing: { readonly table: object; readonly subHeaps: SteppedSubHeapList };
}

/** The way of a worker of the stepped build to the blocks of sub-heaps. */
export interface SteppedSubHeapList {
  create(): Steps<number>;
  push(call: string, handle: number, block: number): Steps<void>;
  drop(handle: number): Steps<void>;
}

/** The handle table of the stepped build. */
export interface SteppedHandleTable {
  enter(shared: Shared): Steps<number>;
  lookUp(handle: number): Steps<Shared | undefined>;
  retain(handle: number): Steps<number>;
  release(handle: number): Steps<number | undefined>;
  giveBack(handle: number): Steps<void>;
}

/** What the stage needs of the stepped build. */
export interface SteppedModules {
  readonly newHeap: (region: Region, membership: Membership) => SteppedHeap;
  readonly newHandleTable: (owner: Owner) => SteppedHandleTable;
  readonly Region: typeof Region;
  createRegion(options: ResolvedOptions): Steps<Region>;
  attachWorker(region: Region, settings: HeapSettings, thread: number, reserved: number | undefined): Steps<Membership>;
  reserveWorker(region: Region, thread: number): Steps<number>;
  reclaimThread(owner: Owner, thread: number): Steps<boolean>;
  reclaimWorker(owner: Owner, workerId: number, notice: 'exited' | 'by hand'): Steps<boolean>;
  link(machine: Machine): void;
}

/** The same sources as they are: for checks and walks, at full speed. */
export interface PlainModules {
  readonly checkHeap: typeof Check.checkHeap;
  readonly walkBlocks: typeof Walk.walkBlocks;
  readonly countClaimed: typeof Slices.countClaimed;
  readonly resolveOptions: typeof Config.resolveOptions;
  readonly tableLayout: typeof Tables.tableLayout;
  readonly controlShape: typeof OwnerModule.controlShape;
  readonly Region: typeof RegionModule.Region;
}

/** Classes of `sabmalloc/sync` and `sabmalloc/collections`, stepped: what a call really returns is what `stepsOf` says. */
export interface SyncModules {
  readonly Barrier: typeof Sync.Barrier;
  readonly Condition: typeof Sync.Condition;
  readonly DeadlockBoard: typeof Sync.DeadlockBoard;
  readonly Latch: typeof Sync.Latch;
  readonly Mutex: typeof Sync.Mutex;
  readonly Once: typeof Sync.Once;
  readonly RwLock: typeof Sync.RwLock;
  readonly Semaphore: typeof Sync.Semaphore;
  readonly SpinLock: typeof Sync.SpinLock;
  readonly Channel: typeof Channels.Channel;
  readonly Ring: typeof Rings.Ring;
  readonly select: typeof Selects.select;
  readonly bytes: typeof bytes;
  readonly HashMap: typeof HashMapModule.HashMap;
  readonly LruCache: typeof LruCacheModule.LruCache;
  readonly HolderWaiter: typeof HolderModule.HolderWaiter;
  readonly PermitWaiter: typeof SemaphoreModule.PermitWaiter;
  readonly checkMayBlock: typeof Wait.checkMayBlock;
  readonly ByteString: typeof ByteString;
  readonly PriorityQueue: typeof PriorityQueue;
  readonly Texts: typeof Texts;
  readonly Vector: typeof Vector;
  readonly numbers: typeof numbers;
  readonly texts: typeof texts;
  wait(words: Int32Array, index: number, value: number, milliseconds: number): Steps<string>;
  store(words: Int32Array, index: number, value: number): Steps<void>;
  load(words: Int32Array, index: number): Steps<number>;
}

export interface Builds {
  readonly stepped: SteppedModules;
  readonly sync: SyncModules;
  readonly plain: PlainModules;
  readonly sites: readonly Site[];
}

/**
 * The geometry of the proof: one page is one slice, so a slab of 1 KiB blocks has four; a segment is two slices, so two
 * slabs. Everything else is as in the sources.
 */
const TINY: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'src/layout/geometry.ts': {
    PAGE_SLICES: 1,
    SEGMENT_SHIFT: 13,
    SEGMENT_BYTES: 8192,
    SEGMENT_SLICES: 2,
    REGION_MIN_BYTES: 4096,
  },
  'src/collections/channel.ts': { CELLS_FIRST: 2 },
  // Whoever sleeps looks again after a death and not otherwise: no schedule is saved by a timer.
  'src/records/wait.ts': { LOOK_EVERY_MS: Infinity, PATIENCE_MS: Infinity, LOSSES_MOST: 0, SPINS: 1 },
  // Tables that are soon full, readers that are soon overtaken.
  'src/collections/stripe.ts': { LEAST_LOG2: 1 },
  'src/collections/keyed.ts': { READ_TRIES: 2 },
};

export function tinyGeometry(path: string, text: string): string {
  return Object.entries(TINY[path] ?? {}).reduce((changed, [name, value]) => {
    const line = new RegExp(`^((?:  |export const )${name} = )\\d+([,;])$`, 'm');
    if (!line.test(changed)) throw new Error(`${path} has no constant ${name}`);
    return changed.replace(line, `$1${value}$2`);
  }, text);
}

async function load(url: (module: string) => string, names: Record<string, string>): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const [name, path] of Object.entries(names)) {
    const loaded = (await import(/* @vite-ignore */ url(path))) as Record<string, unknown>;
    found[name] = loaded[name];
  }
  return found;
}

const SYNC = 'Barrier Condition DeadlockBoard Latch Mutex Once RwLock Semaphore SpinLock'.split(' ');

/** Compiles and loads both builds of the sources, with a patch applied to each file first. */
export async function loadBuilds(patch: Patch = (_, text) => text): Promise<Builds> {
  const both: Patch = (path, text) => patch(path, tinyGeometry(path, text));
  const stepped = await compile(both, true);
  const plain = await compile(both, false);
  const {
    Heap: SteppedHeapClass,
    HandleTable: SteppedTable,
    ...rest
  } = (await load(stepped.url, {
    Heap: 'heap/heap',
    HandleTable: 'heap/handle-table',
    Region: 'memory/region',
    createRegion: 'memory/create',
    attachWorker: 'registry/attach',
    reserveWorker: 'registry/attach',
    reclaimThread: 'registry/reclaim',
    reclaimWorker: 'registry/reclaim',
    link: 'link',
  })) as unknown as Omit<SteppedModules, 'newHeap' | 'newHandleTable'> & {
    Heap: new (...args: unknown[]) => SteppedHeap;
    HandleTable: new (owner: Owner) => SteppedHandleTable;
  };
  const sync = await load(stepped.url, {
    ...Object.fromEntries(SYNC.map((name) => [name, 'sync/index'])),
    Channel: 'collections/channel',
    Ring: 'collections/ring',
    select: 'collections/select',
    bytes: 'collections/values',
    HashMap: 'collections/hash-map',
    LruCache: 'collections/lru-cache',
    HolderWaiter: 'records/holder',
    PermitWaiter: 'sync/semaphore',
    checkMayBlock: 'records/wait',
    ByteString: 'collections/byte-string',
    PriorityQueue: 'collections/priority-queue',
    Texts: 'collections/texts',
    Vector: 'collections/vector',
    numbers: 'collections/values',
    texts: 'collections/values',
    wait: 'atomics/native',
    store: 'atomics/native',
    load: 'atomics/native',
  });
  const modules = await load(plain.url, {
    checkHeap: 'heap/check',
    walkBlocks: 'heap/walk',
    countClaimed: 'pages/slices',
    resolveOptions: 'config/resolve',
    tableLayout: 'memory/tables',
    controlShape: 'slabs/owner',
    Region: 'memory/region',
  });
  return {
    stepped: {
      ...rest,
      newHeap: (region, membership) => new SteppedHeapClass(region, membership),
      newHandleTable: (owner) => new SteppedTable(owner),
    },
    sync: sync as unknown as SyncModules,
    plain: modules as unknown as PlainModules,
    sites: stepped.sites,
  };
}
