import { type HeapSnapshot } from '../index.js';

/** Slices of a segment: the map draws one square for each. */
export const SEGMENT_SLICES = 1024;
const GRANULE_BYTES = 16;

/** What a slice of the region is in use for. */
export type SliceUse = 'tables' | 'control' | 'slab' | 'span' | 'none';

/** What runs hold in common, by class or by owner. */
export interface Group {
  readonly key: number;
  runs: number;
  committedBytes: number;
  /** Blocks of slabs, and spans, which are live. */
  live: number;
  remote: number;
  cached: number;
  free: number;
  liveBytes: number;
  remoteBytes: number;
  cachedBytes: number;
}

/** Granules of a run of slices in each state, out of `granules`. */
export interface Mix {
  granules: number;
  metadata: number;
  span: number;
  live: number;
  remote: number;
  cached: number;
  /** Of slabs, without a block in use, their last bytes that no block fits in included. */
  slack: number;
}

/** A snapshot made ready for being asked about slices, blocks and groups. Pure: it runs in Node as in the page. */
export class HeapModel {
  readonly granulesPerSlice: number;
  /** Row of the run that each slice from baseSlice on belongs to, plus 1; 0 for none. */
  private readonly rows: Uint32Array;
  /** Granules of each slice that are of live, remotely freed and cached blocks. */
  private readonly used: readonly [Uint16Array, Uint16Array, Uint16Array];

  constructor(readonly snapshot: HeapSnapshot) {
    const { runs, baseSlice, limitSlice, sliceBytes } = snapshot;
    const slices = limitSlice - baseSlice;
    this.granulesPerSlice = sliceBytes / GRANULE_BYTES;
    this.rows = new Uint32Array(slices);
    this.used = [new Uint16Array(slices), new Uint16Array(slices), new Uint16Array(slices)];
    for (let row = 0; row < runs.start.length; row++) {
      const first = runs.start[row] - baseSlice;
      this.rows.fill(row + 1, first, first + runs.slices[row]);
      if (runs.class[row] === 0) continue;
      if (this.hasBlocks) this.spreadBlocks(row);
      else this.spreadEvenly(row);
    }
  }

  /** Whether the snapshot has the state of each single block. */
  get hasBlocks(): boolean {
    return this.snapshot.blocks.length > 0;
  }

  private spreadBlocks(row: number): void {
    const { runs, baseSlice } = this.snapshot;
    const per = this.granulesPerSlice;
    const step = this.blockBytes(row) / GRANULE_BYTES;
    const capacity = this.capacity(row);
    for (let block = 0; block < capacity; block++) {
      const into = this.used[this.blockCode(row, block) - 1] as Uint16Array | undefined;
      if (into === undefined) continue;
      const start = (runs.start[row] - baseSlice) * per + block * step;
      for (let at = start; at < start + step;) {
        const end = Math.min(start + step, (Math.floor(at / per) + 1) * per);
        into[Math.floor(at / per)] += end - at;
        at = end;
      }
    }
  }

  private spreadEvenly(row: number): void {
    const { runs, baseSlice } = this.snapshot;
    const perBlock = this.blockBytes(row) / GRANULE_BYTES / runs.slices[row];
    const first = runs.start[row] - baseSlice;
    [runs.live, runs.remote, runs.cached].forEach((column, state) => {
      this.used[state].fill(Math.floor(column[row] * perBlock), first, first + runs.slices[row]);
    });
  }

  /** Row of the run that a slice belongs to; -1 for none. */
  rowAt(slice: number): number {
    return (this.rows[slice - this.snapshot.baseSlice] || 0) - 1;
  }

  kindOf(row: number): string {
    return this.snapshot.runKinds[this.snapshot.runs.kind[row]];
  }

  useOf(slice: number): SliceUse {
    if (slice < this.snapshot.firstSlice) return 'tables';
    const row = this.rowAt(slice);
    return row < 0 ? 'none' : (this.kindOf(row) as SliceUse);
  }

  /** Bytes of a block of a slab, of the whole span otherwise. */
  blockBytes(row: number): number {
    const { runs, classBytes, sliceBytes } = this.snapshot;
    return runs.class[row] === 0 ? runs.slices[row] * sliceBytes : classBytes[runs.class[row]];
  }

  /** Blocks of a slab, 1 for a span, 0 for a control block. */
  capacity(row: number): number {
    const { live, remote, cached, free } = this.snapshot.runs;
    return live[row] + remote[row] + cached[row] + free[row];
  }

  startAddress(row: number): number {
    return this.snapshot.runs.start[row] * this.snapshot.sliceBytes;
  }

  endAddress(row: number): number {
    return (this.snapshot.runs.start[row] + this.snapshot.runs.slices[row]) * this.snapshot.sliceBytes;
  }

  private blockCode(row: number, block: number): number {
    const { blocks, runs } = this.snapshot;
    return (blocks[runs.blocksAt[row] + (block >>> 2)] >>> ((block & 3) << 1)) & 3;
  }

  /** `live`, `remote`, `cached` or `free`; undefined if the snapshot was taken without blocks. */
  blockState(row: number, block: number): string | undefined {
    if (!this.hasBlocks) return undefined;
    return this.snapshot.blockStates[this.blockCode(row, block)];
  }

  /** What so many slices from one on hold, added up. */
  mixOf(slice: number, count: number): Mix {
    const { baseSlice, limitSlice } = this.snapshot;
    const mix: Mix = { granules: 0, metadata: 0, span: 0, live: 0, remote: 0, cached: 0, slack: 0 };
    const per = this.granulesPerSlice;
    const [lives, remotes, caches] = this.used;
    for (let at = Math.max(slice, baseSlice); at < Math.min(slice + count, limitSlice); at++) {
      const use = this.useOf(at);
      mix.granules += per;
      if (use === 'tables' || use === 'control') mix.metadata += per;
      else if (use === 'span') mix.span += per;
      else if (use === 'slab') {
        const place = at - baseSlice;
        mix.live += lives[place];
        mix.remote += remotes[place];
        mix.cached += caches[place];
        mix.slack += per - lives[place] - remotes[place] - caches[place];
      }
    }
    return mix;
  }

  /** Slabs by class, all spans under 0; from small blocks to large, spans last. */
  byClass(): Group[] {
    const groups = this.groupBy(this.snapshot.runs.class);
    return groups.sort((a, b) => (a.key || Infinity) - (b.key || Infinity));
  }

  /** Slabs and spans by the worker id of their owner, 0 for nobody. */
  byOwner(): Group[] {
    return this.groupBy(this.snapshot.runs.owner).sort((a, b) => (a.key || Infinity) - (b.key || Infinity));
  }

  private groupBy(column: Uint8Array | Uint32Array): Group[] {
    const { runs, sliceBytes } = this.snapshot;
    const groups = new Map<number, Group>();
    for (let row = 0; row < runs.start.length; row++) {
      if (this.kindOf(row) === 'control') continue;
      const group = groups.get(column[row]) ?? emptyGroup(column[row]);
      groups.set(column[row], group);
      const bytes = this.blockBytes(row);
      group.runs++;
      group.committedBytes += runs.slices[row] * sliceBytes;
      for (const state of ['live', 'remote', 'cached', 'free'] as const) group[state] += runs[state][row];
      group.liveBytes += runs.live[row] * bytes;
      group.remoteBytes += runs.remote[row] * bytes;
      group.cachedBytes += runs.cached[row] * bytes;
    }
    return [...groups.values()];
  }
}

function emptyGroup(key: number): Group {
  const blocks = { live: 0, remote: 0, cached: 0, free: 0 };
  return { key, runs: 0, committedBytes: 0, ...blocks, liveBytes: 0, remoteBytes: 0, cachedBytes: 0 };
}
