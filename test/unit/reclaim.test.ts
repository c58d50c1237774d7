import { describe, expect, it } from 'vitest';
import { allocate, collect } from '../../src/heap/allocate.js';
import { walkBlocks } from '../../src/heap/walk.js';
import { SlotState } from '../../src/layout/format.js';
import { CacheWord, HeaderWord, SliceWord, SlotWord } from '../../src/layout/offsets.generated.js';
import { sliceWord } from '../../src/pages/descriptor.js';
import { countClaimed } from '../../src/pages/slices.js';
import { reclaimSlot, reclaimThread, reclaimWorker } from '../../src/registry/reclaim.js';
import { claimSlot, loadState, packState, slotsOfThread, stateOf, swapState } from '../../src/registry/slots.js';
import { adoptAll } from '../../src/registry/adopt.js';
import { flush } from '../../src/slabs/cache.js';
import { markRemote } from '../../src/slabs/remote.js';
import { Stage } from './kit.js';

describe('departure and death', () => {
  it('hands over slabs, caches and control block; live blocks stay live and can be freed by anyone', () => {
    const stage = new Stage();
    const survivor = stage.attach();
    const before = countClaimed(stage.region);
    const dying = stage.attach();
    const blocks = Array.from({ length: 500 }, (_, i) => dying.malloc(16 + (i % 40) * 50));
    for (let i = 0; i < 250; i++) dying.free(blocks[i]);
    expect(reclaimThread(survivor.owner, dying.thread)).toBe(true);
    expect([...walkBlocks(stage.region)].map((block) => block.address).sort()).toEqual(blocks.slice(250).sort());
    stage.check();
    for (let i = 250; i < 500; i++) survivor.free(blocks[i]);
    // An allocation of each class adopts what was left behind; collecting then returns it.
    for (let bytes = 16; bytes < 2100; bytes += 16) survivor.free(survivor.malloc(bytes));
    collect(survivor.owner);
    stage.check();
    expect(countClaimed(stage.region)).toBe(before);
  });

  it('gives the slot to the next worker under another id', () => {
    const stage = new Stage({ maxBytes: 4 << 20, maxWorkers: 2 });
    const survivor = stage.attach();
    const first = stage.attach();
    expect(() => stage.attach()).toThrow(expect.objectContaining({ code: 'ERR_HEAP_WORKERS' }));
    reclaimWorker(survivor.owner, first.membership.workerId, 'exited');
    const second = stage.attach();
    expect(second.owner.slot).toBe(first.owner.slot);
    expect(second.membership.workerId).not.toBe(first.membership.workerId);
    // A late notice of the first death names a generation that is gone.
    expect(reclaimWorker(survivor.owner, first.membership.workerId, 'exited')).toBe(false);
    second.free(second.malloc(100));
    stage.check();
  });

  it('ignores notices that name nobody, oneself, or the same worker twice', () => {
    const stage = new Stage();
    const survivor = stage.attach();
    const dying = stage.attach();
    for (const id of [0, -1, 1.5, NaN, 'x', null, undefined, 1e12, survivor.membership.workerId])
      expect(reclaimWorker(survivor.owner, id, 'by hand')).toBe(false);
    expect(reclaimWorker(survivor.owner, dying.membership.workerId, 'by hand')).toBe(true);
    expect(reclaimWorker(survivor.owner, dying.membership.workerId, 'by hand')).toBe(false);
    stage.check();
  });

  it('takes over from a reclaimer that died while it reclaimed', () => {
    const stage = new Stage();
    const [survivor, reclaimer, dying] = [stage.attach(), stage.attach(), stage.attach()];
    const block = dying.malloc(64);
    const { region } = stage;
    const { generation } = dying.membership;
    const claimed = packState(SlotState.RECLAIMING, generation, reclaimer.owner.slot);
    expect(swapState(region, dying.owner.slot, packState(SlotState.LIVE, generation), claimed)).toBe(true);
    expect(reclaimSlot(survivor.owner, dying.owner.slot, generation, 'exited')).toBe(false);
    expect(reclaimThread(survivor.owner, reclaimer.thread)).toBe(true);
    expect(stateOf(loadState(region, dying.owner.slot))).toBe(SlotState.FREE);
    survivor.free(block);
    collect(survivor.owner);
    stage.check();
  });

  it('finds a worker killed right after it took its slot, and one killed before it had a control block', () => {
    const stage = new Stage();
    const survivor = stage.attach();
    const { region } = stage;
    const word = region.slotWord(2) + SlotWord.X_THREAD;
    region.i32[word] = 77;
    expect(slotsOfThread(region, 77)).toEqual([2]);
    expect(reclaimThread(survivor.owner, 77)).toBe(true);
    expect(region.i32[word]).toBe(0);
    const { slot } = claimSlot(region, 78, SlotState.ATTACHING);
    expect(reclaimThread(survivor.owner, 78)).toBe(true);
    expect(stateOf(loadState(region, slot))).toBe(SlotState.FREE);
    stage.check();
  });

  it('adopts each abandoned slab exactly once', () => {
    const stage = new Stage();
    const [first, second, dying] = [stage.attach(), stage.attach(), stage.attach()];
    for (let i = 0; i < 300; i++) dying.malloc(64);
    reclaimThread(first.owner, dying.thread);
    const before = countClaimed(stage.region);
    for (let i = 0; i < 5; i++) {
      first.malloc(64);
      second.malloc(64);
    }
    stage.check();
    expect(stage.region.i32[stage.region.header + HeaderWord.X_ADOPTIONS]).toBeGreaterThan(0);
    expect(countClaimed(stage.region)).toBeLessThanOrEqual(before + 2);
  });

  it('a full heap takes abandoned slabs that no hint speaks of, because the last to look for them was killed', () => {
    const stage = new Stage();
    const [survivor, dying] = [stage.attach(), stage.attach()];
    const { region } = stage;
    const [kept, ...rest] = Array.from({ length: 60 }, () => dying.malloc(64));
    for (const block of rest) dying.free(block);
    expect(reclaimThread(survivor.owner, dying.thread)).toBe(true);
    // As adoptClass leaves it when its worker is killed before it looks.
    for (const hint of [HeaderWord.X_ABANDONED_LOW, HeaderWord.X_ABANDONED_HIGH]) region.i32[region.header + hint] = 0;
    for (let block = 1; block !== 0;) block = allocate(survivor.owner, 4096, 16);
    expect(allocate(survivor.owner, 64, 16)).not.toBe(0);
    survivor.free(kept);
    stage.check();
  });

  it('two dead workers that were about to queue slabs of each other do not wait for each other', () => {
    const stage = new Stage();
    const [survivor, first, second] = [stage.attach(), stage.attach(), stage.attach()];
    const { region } = stage;
    const pairs = [
      [first, second],
      [second, first],
    ] as const;
    for (const [freer, owner] of pairs) {
      const granule = owner.malloc(64) / 16;
      const head = region.i32[sliceWord(region, granule >>> 8, SliceWord.HEAD)];
      markRemote(region, granule);
      region.i32[region.slotWord(freer.owner.slot) + SlotWord.X_INTENT] = head;
      region.i32[sliceWord(region, head, SliceWord.X_STATE)] |= 1 << 16;
    }
    for (const { thread } of [first, second]) reclaimThread(survivor.owner, thread);
    collect(survivor.owner);
    for (const { owner } of [first, second]) expect(stateOf(loadState(region, owner.slot))).toBe(SlotState.FREE);
    stage.check();
    expect([...walkBlocks(region)]).toEqual([]);
  });

  it('two dead workers with the same slices in their journals do not wait for each other', () => {
    const stage = new Stage();
    const [survivor, first, second] = [stage.attach(), stage.attach(), stage.attach()];
    const before = countClaimed(stage.region);
    const start = second.owner.slices.claim(4, 1);
    first.owner.slices.open(start, 4);
    for (const { thread } of [first, second]) reclaimThread(survivor.owner, thread);
    collect(survivor.owner);
    for (const { owner } of [first, second]) expect(stateOf(loadState(stage.region, owner.slot))).toBe(SlotState.FREE);
    stage.check();
    expect(countClaimed(stage.region)).toBeLessThan(before);
  });

  it('adopting never retires a slab with live blocks, however many empty ones there are', () => {
    const stage = new Stage({ maxBytes: 4 << 20, emptySlabsKept: 0 });
    const [survivor, dying] = [stage.attach(), stage.attach()];
    const { region } = stage;
    // An empty slab that can't go: another worker's late step marked it dirty.
    const own = survivor.malloc(64);
    const head = region.i32[sliceWord(region, own >>> 12, SliceWord.HEAD)];
    region.i32[sliceWord(region, head, SliceWord.X_STATE)] |= 1 << 16;
    survivor.free(own);
    flush(survivor.owner, 4);
    const blocks = Array.from({ length: 10 }, () => dying.malloc(64));
    reclaimThread(survivor.owner, dying.thread);
    expect(adoptAll(survivor.owner)).toBeGreaterThan(0);
    expect([...walkBlocks(region)].map((block) => block.address).sort()).toEqual(blocks.sort());
    collect(survivor.owner);
    stage.check();
  });

  it('a worker reclaimed by mistake finds its caches closed, also when its slot is used again', () => {
    const stage = new Stage();
    const [survivor, alive] = [stage.attach(), stage.attach()];
    alive.free(alive.malloc(64));
    reclaimWorker(survivor.owner, alive.membership.workerId, 'by hand');
    const heir = stage.attach();
    expect(heir.owner.slot).toBe(alive.owner.slot);
    heir.free(heir.malloc(64));
    const cache = alive.owner.cache(4);
    expect(stage.region.i32[cache + CacheWord.COUNT]).toBe(0);
    expect(stage.region.i32[cache + CacheWord.CAPACITY]).toBe(0);
    reclaimThread(survivor.owner, heir.thread);
    stage.check();
  });
});
