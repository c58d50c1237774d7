import { describe, expect, it } from 'vitest';
import type { CreateOptions } from '../../src/config/resolve.js';
import { allocate, collect } from '../../src/heap/allocate.js';
import { blockBytes } from '../../src/heap/lookup.js';
import { reallocate } from '../../src/heap/reallocate.js';
import { walkBlocks } from '../../src/heap/walk.js';
import { countClaimed } from '../../src/pages/slices.js';
import { reclaimThread } from '../../src/registry/reclaim.js';
import { ensure } from '../kit/errors.js';
import { seeded, type Random } from '../kit/random.js';
import { Stage, type Actor } from './kit.js';

const WORKERS = 3;
const STEPS = 3000;
const CHECK_EVERY = 250;

/** Workers that allocate, free each other's blocks, move them, collect, die and are replaced, all on one thread. */
class Churn {
  private readonly stage: Stage;
  private readonly actors: Actor[];
  /** What is in the first and the last word of each block that is held. */
  private readonly held = new Map<number, { readonly bytes: number; readonly mark: number }>();
  private nextMark = 1;

  constructor(
    options: CreateOptions,
    private readonly largest: number,
    private readonly random: Random,
  ) {
    this.stage = new Stage(options);
    this.actors = Array.from({ length: WORKERS }, () => this.stage.attach());
  }

  /** Last word that lies wholly within the block. */
  private lastWord(address: number, bytes: number): number {
    return address / 4 + Math.max(0, (bytes >>> 2) - 1);
  }

  private hold(actor: Actor, address: number, bytes: number): void {
    const { region } = actor.owner;
    ensure(blockBytes(region, address) >= bytes, () => `block ${address} is too small for ${bytes} bytes`);
    for (const [other, { bytes: length }] of this.held)
      ensure(
        address + bytes <= other || other + Math.max(1, length) <= address,
        () => `block ${address} of ${bytes} bytes lies over ${other} of ${length} bytes`,
      );
    const mark = this.nextMark++;
    if (bytes >= 4) region.i32[address / 4] = region.i32[this.lastWord(address, bytes)] = mark;
    this.held.set(address, { bytes, mark });
  }

  /** Takes a block out of the books; its words are as they were stored. */
  private let(address: number): number {
    const { bytes, mark } = this.held.get(address)!;
    const { i32 } = this.stage.region;
    const isWhole = bytes < 4 || (i32[address / 4] === mark && i32[this.lastWord(address, bytes)] === mark);
    ensure(isWhole, () => `somebody wrote into block ${address} of ${bytes} bytes`);
    this.held.delete(address);
    return bytes;
  }

  private allocate(actor: Actor): void {
    const bytes = this.random.size(0, this.largest);
    const alignment = this.random.oneIn(8) ? 2 ** this.random.int(4, 16) : 16;
    const address = allocate(actor.owner, bytes, alignment);
    if (address === 0) return;
    ensure(address % alignment === 0, () => `block ${address} is not aligned to ${alignment}`);
    this.hold(actor, address, bytes);
  }

  private free(actor: Actor): void {
    if (this.held.size === 0) return;
    const address = this.random.pick([...this.held.keys()]);
    this.let(address);
    actor.free(address);
    expect(() => actor.free(address)).toThrow(expect.objectContaining({ code: 'ERR_HEAP_DOUBLE_FREE' }));
  }

  private move(actor: Actor): void {
    if (this.held.size === 0) return;
    const address = this.random.pick([...this.held.keys()]);
    const bytes = this.random.size(0, this.largest);
    const mark = this.held.get(address)!.mark;
    const before = this.let(address);
    const moved = reallocate(actor.owner, (block) => actor.free(block as number), 'realloc', address, bytes);
    const isKept = moved === 0 || Math.min(before, bytes) < 4 || this.stage.region.i32[moved / 4] === mark;
    ensure(isKept, () => `block ${address} of ${before} bytes was not copied to ${moved}`);
    this.hold(actor, moved === 0 ? address : moved, moved === 0 ? before : bytes);
  }

  private replace(index: number): void {
    const heir = this.actors[(index + 1) % WORKERS];
    ensure(reclaimThread(heir.owner, this.actors[index].thread), () => `worker ${index} was not there to reclaim`);
    this.actors[index] = this.stage.attach();
  }

  private step(): void {
    const index = this.random.int(0, WORKERS - 1);
    const actor = this.actors[index];
    const dice = this.random.int(1, 100);
    if (dice <= 50) this.allocate(actor);
    else if (dice <= 90) this.free(actor);
    else if (dice <= 97) this.move(actor);
    else if (dice <= 99) collect(actor.owner);
    else this.replace(index);
  }

  private check(): void {
    this.stage.check();
    const live = [...walkBlocks(this.stage.region)].map(({ address }) => address);
    expect(live).toEqual([...this.held.keys()].sort((a, b) => a - b));
  }

  run(): void {
    this.stage.region.grow(this.stage.region.endSlice);
    this.stage.region.renew();
    const empty = countClaimed(this.stage.region);
    for (let step = 1; step <= STEPS; step++) {
      this.step();
      if (step % CHECK_EVERY === 0) this.check();
    }
    for (const address of [...this.held.keys()]) {
      this.let(address);
      this.random.pick(this.actors).free(address);
    }
    for (const { owner } of this.actors) collect(owner);
    for (const { owner } of this.actors) collect(owner);
    this.check();
    expect(countClaimed(this.stage.region)).toBe(empty);
  }
}

describe('several workers on one thread', () => {
  const TINY_CACHES = { cacheCapacity: 4, cacheBytes: 0, spillHysteresis: 1, refillMax: 2, refillMaxHot: 2 };
  it.each<[string, CreateOptions, number]>([
    ['as configured by default', { maxBytes: 8 << 20 }, 200_000],
    ['with small blocks and tiny caches', { maxBytes: 2 << 20, ...TINY_CACHES }, 600],
    ['with Mid blocks and transfer slots', { maxBytes: 4 << 20, transferSlots: 2, magazineCapacity: 8 }, 20_000],
    ['at the brim', { maxBytes: 1 << 20, emptySlabsKept: 0, magazineCapacity: 0 }, 60_000],
    ['while they learn', { maxBytes: 8 << 20, learnCaches: true, learnMemory: true, ...TINY_CACHES }, 20_000],
    ['while they learn, at the brim', { maxBytes: 1 << 20, learnCaches: true, learnMemory: true }, 60_000],
  ])('keep what is theirs and give everything back: %s', async (_, options, largest) => {
    await seeded((random) => {
      new Churn(options, largest, random).run();
    })();
  });
});
