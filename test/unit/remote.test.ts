import { describe, expect, it } from 'vitest';
import { collect } from '../../src/heap/allocate.js';
import { isLive } from '../../src/heap/lookup.js';
import { countBlocks, type SlabCount } from '../../src/heap/walk.js';
import { StateBits } from '../../src/layout/format.js';
import { SliceWord, SlotWord } from '../../src/layout/offsets.generated.js';
import { sliceWord } from '../../src/pages/descriptor.js';
import { drainQueue, markRemote } from '../../src/slabs/remote.js';
import { retireSlab, slabSlices } from '../../src/slabs/slab.js';
import { Stage, type Actor } from './kit.js';

function granule(address: number): number {
  return address / 16;
}

function headOf(actor: Actor, address: number): number {
  const { region } = actor.owner;
  return region.i32[sliceWord(region, granule(address) >>> 8, SliceWord.HEAD)];
}

/** What the slab of a block holds. */
function countSlab(actor: Actor, address: number): SlabCount {
  const { region } = actor.owner;
  const head = headOf(actor, address);
  return countBlocks(region, head, slabSlices(region, head));
}

describe('remote free', () => {
  it("brings blocks home with the owner's next slow path, in one batch", () => {
    const stage = new Stage();
    const [owner, other] = [stage.attach(), stage.attach()];
    const blocks = Array.from({ length: 200 }, () => owner.malloc(64));
    for (const block of blocks) other.free(block);
    expect(countSlab(owner, blocks[0]).live).toBe(0);
    expect(drainQueue(owner.owner)).toBeGreaterThanOrEqual(200 - 64);
    stage.check();
  });

  it('queues a slab once however many of its blocks are freed', () => {
    const stage = new Stage();
    const [owner, other, third] = [stage.attach(), stage.attach(), stage.attach()];
    const blocks = Array.from({ length: 40 }, () => owner.malloc(64));
    blocks.forEach((block, i) => (i % 2 === 0 ? other : third).free(block));
    const queue = stage.region.i32[stage.region.slotWord(owner.owner.slot) + SlotWord.X_QUEUE];
    expect(queue).toBe(headOf(owner, blocks[0]));
    expect(stage.region.i32[sliceWord(stage.region, queue, SliceWord.X_NEXT)]).toBe(0);
    expect(drainQueue(owner.owner)).toBe(40);
    expect(drainQueue(owner.owner)).toBe(0);
    stage.check();
  });

  it.each([0, 1])('brings home what was freed in one slice of a pair alone (slice %i of the two)', (parity) => {
    const stage = new Stage();
    const [owner, other] = [stage.attach(), stage.attach()];
    const blocks = Array.from({ length: 4000 }, () => owner.malloc(64));
    const freed = blocks.filter((block) => ((granule(block) >>> 8) - headOf(owner, block)) % 2 === parity);
    expect(freed.length).toBeGreaterThan(64);
    for (const block of freed) other.free(block);
    expect(drainQueue(owner.owner)).toBe(freed.length);
    expect(freed.reduce((sum, block) => sum + countSlab(owner, block).remote, 0)).toBe(0);
    stage.check();
  });

  it('refuses the second free whoever makes it', () => {
    const stage = new Stage();
    const [owner, other, third] = [stage.attach(), stage.attach(), stage.attach()];
    const block = owner.malloc(48);
    other.free(block);
    for (const actor of [owner, other, third])
      expect(() => actor.free(block)).toThrow(expect.objectContaining({ code: 'ERR_HEAP_DOUBLE_FREE' }));
    drainQueue(owner.owner);
    for (const actor of [owner, other, third])
      expect(() => actor.free(block)).toThrow(expect.objectContaining({ code: 'ERR_HEAP_DOUBLE_FREE' }));
    stage.check();
  });

  it('never retires a slab that is dirty', () => {
    const stage = new Stage();
    const [owner, other] = [stage.attach(), stage.attach()];
    const block = owner.malloc(1000);
    const head = headOf(owner, block);
    other.free(block);
    const classId = stage.region.i32[sliceWord(stage.region, head, SliceWord.X_STATE)] & 63;
    expect(retireSlab(owner.owner, head, classId)).toBe(false);
    collect(owner.owner);
    stage.check();
  });

  it('finds a block whose freer was killed between marking it and queueing its slab', () => {
    const stage = new Stage();
    const [owner] = [stage.attach(), stage.attach()];
    const block = owner.malloc(64);
    expect(markRemote(stage.region, granule(block))).toBe(true);
    expect(isLive(stage.region, granule(block))).toBe(false);
    collect(owner.owner);
    expect(countSlab(owner, block).remote).toBe(0);
    stage.check();
  });

  it('finds a slab whose freer was killed between making it dirty and pushing it, but waits for one that lives', () => {
    // The other one has the last slot there is.
    const stage = new Stage({ maxBytes: 4 << 20, maxWorkers: 2 });
    const [owner, other] = [stage.attach(), stage.attach()];
    const block = owner.malloc(64);
    const head = headOf(owner, block);
    const { region } = stage;
    markRemote(region, granule(block));
    const intent = region.slotWord(other.owner.slot) + SlotWord.X_INTENT;
    region.i32[intent] = head;
    const state = sliceWord(region, head, SliceWord.X_STATE);
    region.i32[state] |= 1 << StateBits.DIRTY_SHIFT;
    collect(owner.owner);
    expect(region.i32[state] >>> StateBits.DIRTY_SHIFT).not.toBe(0);
    region.i32[intent] = 0;
    collect(owner.owner);
    expect(region.i32[state] >>> StateBits.DIRTY_SHIFT).toBe(0);
    stage.check();
  });

  it('hands Mid blocks over through the transfer slots and counts each once', () => {
    const stage = new Stage({ maxBytes: 16 << 20, transferSlots: 8 });
    const [owner, other] = [stage.attach(), stage.attach()];
    const blocks = new Set(Array.from({ length: 30 }, () => owner.malloc(4096)));
    for (const block of blocks) other.free(block);
    const again = new Set(Array.from({ length: 30 }, () => owner.malloc(4096)));
    expect(again.size).toBe(30);
    stage.check();
    for (const block of again) owner.free(block);
    stage.check();
  });
});
