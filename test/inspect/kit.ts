import { type Heap, type HeapSnapshot } from 'sabmalloc';
import { HeapModel } from 'sabmalloc/inspect';
import { expect } from 'vitest';
import { walk } from '../kit/contracts.js';
import { type Random } from '../kit/random.js';

/** Frees some and allocates some, so that slabs are partly filled. */
export function stir(heap: Heap, random: Random, live: number[], calls = 300): void {
  for (let i = 0; i < calls; i++) {
    if (live.length > 0 && random.oneIn(3)) heap.free(live.splice(random.int(0, live.length - 1), 1)[0]);
    else live.push(heap.malloc(random.size(0, 40_000)));
  }
}

/** Address, size and owner of every live block of a snapshot. */
export function liveBlocks(snapshot: HeapSnapshot): Map<number, { size: number; owner: number; class: number }> {
  const model = new HeapModel(snapshot);
  const found = new Map<number, { size: number; owner: number; class: number }>();
  for (let row = 0; row < snapshot.runs.start.length; row++) {
    const isSpan = model.kindOf(row) === 'span';
    for (let block = 0; block < model.capacity(row); block++) {
      if (!isSpan && model.blockState(row, block) !== 'live') continue;
      const size = model.blockBytes(row);
      const of = { size, class: snapshot.runs.class[row], owner: snapshot.runs.owner[row] };
      found.set(model.startAddress(row) + block * size, of);
    }
  }
  return found;
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, each) => total + each, 0);

/** What holds for the snapshot of any heap whose workers are at rest. */
export function exact(heap: Heap): HeapSnapshot {
  const snapshot = heap.snapshot();
  const { runs, stats } = snapshot;
  const model = new HeapModel(snapshot);
  expect(stats).toEqual(heap.stats());
  // Blocks that carry who made them hold less than their size class says.
  const walked = walk(heap);
  const expected = [...walked].map(([address, { owner, class: of }]) => [address, { owner, class: of }]);
  const found = [...liveBlocks(snapshot)];
  expect(found.map(([address, { owner, class: of }]) => [address, { owner, class: of }])).toEqual(expected);
  const carried = found.map(([address, { size }]) => size - walked.get(address)!.size);
  expect(Math.min(0, ...carried)).toBe(0);
  for (const one of stats.classes) {
    if (one.slabs === 0) continue;
    const group = model.byClass().find(({ key }) => key === one.class)!;
    expect(group).toMatchObject({ runs: one.slabs, committedBytes: one.committedBytes, live: one.liveBlocks });
    expect(group.remote).toBe(one.remoteFreesPending + one.quarantinedBlocks);
    expect(group.live + group.remote + group.cached + group.free).toBe(one.capacityBlocks);
  }
  for (const { workerId, cachedBlocks, remoteFreesPending } of stats.workers) {
    const rows = [...runs.owner.keys()].filter((row) => runs.owner[row] === workerId && runs.class[row] !== 0);
    expect(sum(rows.map((row) => runs.cached[row]))).toBe(cachedBlocks);
    if (stats.quarantinedBlocks === 0) expect(sum(rows.map((row) => runs.remote[row]))).toBe(remoteFreesPending);
  }
  const committed = sum(model.byClass().map(({ committedBytes }) => committedBytes));
  expect(committed).toBe(stats.committedBytes - stats.metadataBytes);
  return snapshot;
}

/** What holds for any snapshot at all. */
export function wellFormed(snapshot: HeapSnapshot): void {
  const { runs, firstSlice, limitSlice, classBytes, sliceBytes, blocks } = snapshot;
  const model = new HeapModel(snapshot);
  let end = firstSlice;
  let bytes = 0;
  for (let row = 0; row < runs.start.length; row++) {
    expect(runs.start[row]).toBeGreaterThanOrEqual(end);
    end = runs.start[row] + runs.slices[row];
    if (runs.class[row] === 0) continue;
    const capacity = Math.floor((runs.slices[row] * sliceBytes) / classBytes[runs.class[row]]);
    expect(model.capacity(row)).toBe(capacity);
    expect(runs.blocksAt[row]).toBe(bytes);
    bytes += Math.ceil(capacity / 4);
  }
  expect(end).toBeLessThanOrEqual(limitSlice);
  expect(blocks.length).toBe(bytes);
}
