import { SlotState, StateBits } from '../../../src/layout/format.js';
import { HeaderWord, SliceWord, SlotWord } from '../../../src/layout/offsets.generated.js';
import type { Region } from '../../../src/memory/region.js';
import { kindOf, ownerOf, sliceWord } from '../../../src/pages/descriptor.js';
import { isSlab, publishedHeads } from '../../../src/registry/adopt.js';
import { noticeOf, loadState, stateOf } from '../../../src/registry/slots.js';
import { bitsWord } from '../../../src/slabs/slab.js';
import { Classes } from '../../../src/layout/classes.js';
import type { Steps } from '../machine/builds.js';
import { now, type Actor, type Plot, type Stage } from '../machine/stage.js';
import { blocksOf, codeOf, MID, plot, QUARTER, SPAN, WHOLE, type Cast } from './cast.js';

/** Eight blocks to a word of the block bits. */
const SMALL = 64;
/** Three blocks to a slab of four slices, so two dirty bits. */
const TWO_PARTS = 5120;
/** One block to a slab of seven slices. */
const SEVEN_SLICES = 28_672;

/** Slabs on the queue of a slot. */
function queued(region: Region, slot: number): Set<number> {
  const found = new Set<number>();
  for (let head = region.i32[region.slotWord(slot) + SlotWord.X_QUEUE]; head !== 0;) {
    if (found.has(head)) throw new Error(`the queue of slot ${slot} has a cycle at slice ${head}`);
    found.add(head);
    head = region.i32[sliceWord(region, head, SliceWord.X_NEXT)];
  }
  return found;
}

function isInTransfer(region: Region, slot: number, classId: number, granule: number, slots: number): boolean {
  if (slot === 0 || classId < Classes.FIRST_MID) return false;
  const first = region.transferWord(slot, classId);
  return region.i32.subarray(first, first + slots).includes(granule);
}

/** Blocks of a slab that were freed remotely and that nobody will be told of before somebody looks at everything. */
function strandedBlocks(region: Region, head: number, state: number, count: number, transferSlots: number): string[] {
  const stranded: string[] = [];
  for (let granule = head * 256; granule < (head + count) * 256; granule++) {
    const word = bitsWord(region, granule);
    const isRemote = (region.i32[word] & region.i32[word + 1] & (1 << granule)) !== 0;
    const part = StateBits.DIRTY_SHIFT + (((granule >>> 8) - head) >>> StateBits.DIRTY_SLICES_SHIFT);
    if (!isRemote || (state & (1 << part)) !== 0) continue;
    if (!isInTransfer(region, ownerOf(state), kindOf(state), granule, transferSlots))
      stranded.push(`the freed block ${granule * 16} is in no dirty part of its slab and in no transfer slot`);
  }
  return stranded;
}

/**
 * What waits for a look at the whole heap although nobody has died: everything freed must come home by the next slow path
 * of whoever owns it, and everything abandoned must be found by whoever needs it. Workers are at rest.
 */
export function findStranded(region: Region, transferSlots: number): string[] {
  const { i32, header } = region;
  const stranded: string[] = [];
  for (const { head, state, count } of publishedHeads(region)) {
    if (!isSlab(state)) continue;
    const owner = ownerOf(state);
    const isDirty = state >>> StateBits.DIRTY_SHIFT !== 0;
    if (isDirty && owner !== 0 && !queued(region, owner).has(head))
      stranded.push(`the slab at slice ${head} is dirty, and not on its owner's queue`);
    const hint = header + (kindOf(state) < 32 ? HeaderWord.X_ABANDONED_LOW : HeaderWord.X_ABANDONED_HIGH);
    if (owner === 0 && (i32[hint] & (1 << kindOf(state))) === 0)
      stranded.push(`the slab at slice ${head} is nobody's, and no hint says so`);
    // Who adopts a slab looks at all of its bits.
    if (owner !== 0) stranded.push(...strandedBlocks(region, head, state, count, transferSlots));
  }
  for (let slot = 1; slot <= region.maxWorkers; slot++) {
    const state = loadState(region, slot);
    if (stateOf(state) !== SlotState.FREE && noticeOf(state) !== undefined && i32[header + HeaderWord.X_DEAD] === 0)
      stranded.push(`slot ${slot} waits to be reclaimed, and no hint says so`);
    if (i32[region.slotWord(slot) + SlotWord.X_INTENT] !== 0)
      stranded.push(`slot ${slot} still intends to push a slab`);
  }
  return stranded;
}

/** A scenario at the end of which nothing may be stranded. */
function comesHome(casting: Parameters<typeof plot>[0]): Plot<Cast> {
  const made = plot(casting);
  let stage: Stage | undefined;
  return {
    ...made,
    setup(on) {
      stage = on;
      return made.setup(on);
    },
    verdict(notes) {
      const [first] = findStranded(stage!.region, stage!.settings.transferSlots);
      if (first !== undefined) throw new Error(first);
      return casting.verdict?.(notes) ?? true;
    },
  };
}

/** Waits until these threads have made a note each, as if they had sent a message; false if somebody died before. */
function* noted(stage: Stage, threads: readonly number[]): Steps<boolean> {
  yield () => stage.machine.crashed.size > 0 || stage.notes.length >= threads.length;
  for (const thread of threads) stage.machine.learnOf(thread);
  return stage.machine.crashed.size === 0;
}

function* freeWrongly(actor: Actor, { blocks }: Cast, stage: Stage): Steps<void> {
  stage.ledger.unsure(blocks[0]);
  stage.note(yield* codeOf(actor.heap.free(blocks[0])));
}

/** The slot is free only when the worker that leaves is gone, so this may take several tries. */
function* attachWhenThereIsRoom(stage: Stage, tag: number): Steps<Actor | undefined> {
  for (let tries = 0; tries < 3; tries++) {
    try {
      return yield* stage.attachSteps(tag);
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_HEAP_WORKERS') throw error;
    }
  }
  return undefined;
}

/** What the planted bugs asked for: remote frees that come home without a look at everything, and places rarely met. */
export const moreScenarios: readonly Plot<Cast>[] = [
  comesHome({
    name: 'frees-come-home',
    about: 'blocks of two slabs are freed by two workers, one slab again while it is drained: nothing stays behind',
    slices: 4,
    prepare: ([owner]) => blocksOf(owner, QUARTER, 8),
    scripts: [
      function* (owner) {
        for (let i = 0; i < 3; i++) yield* owner.malloc(QUARTER);
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[4]);
        yield* other.free(blocks[0]);
      },
      function* (third, { blocks }) {
        yield* third.free(blocks[1]);
      },
    ],
  }),
  comesHome({
    name: 'small-frees-come-home',
    about: 'blocks that share a word of bits are freed by two workers while their owner drains the word',
    slices: 4,
    prepare: ([owner]) => blocksOf(owner, SMALL, 4),
    scripts: [
      function* (owner, { blocks }) {
        yield* owner.free(blocks[3]);
        for (let i = 0; i < 4; i++) yield* owner.malloc(SMALL);
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
        yield* other.free(blocks[1]);
      },
      function* (third, { blocks }) {
        yield* third.free(blocks[2]);
      },
    ],
  }),
  comesHome({
    name: 'two-parts-of-a-slab-get-dirty',
    about: 'two workers free blocks in different parts of one slab, which is queued once, while its owner drains it',
    slices: 12,
    prepare: ([owner]) => blocksOf(owner, TWO_PARTS, 3),
    scripts: [
      function* (owner) {
        for (let i = 0; i < 3; i++) yield* owner.malloc(TWO_PARTS);
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
      },
      function* (third, { blocks }) {
        yield* third.free(blocks[2]);
      },
    ],
  }),
  comesHome({
    name: 'transfers-come-home',
    about: 'two workers want the same transfer slot: who does not get it queues the slab',
    slices: 8,
    settings: { transferSlots: 1, transferBudget: 2 },
    prepare: ([owner]) => blocksOf(owner, MID, 4),
    scripts: [
      function* (owner) {
        yield* owner.malloc(MID);
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
      },
      function* (third, { blocks }) {
        yield* third.free(blocks[1]);
      },
    ],
  }),
  comesHome({
    name: 'transfers-of-the-departed-come-home',
    about: 'a block is put into a transfer slot of a worker that leaves: the new owner of its slab is told',
    slices: 8,
    settings: { transferSlots: 1, transferBudget: 2 },
    prepare: ([owner]) => blocksOf(owner, MID, 2),
    scripts: [
      function* (owner) {
        yield* owner.detach();
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
      },
      function* (third) {
        yield* third.malloc(MID);
      },
    ],
  }),
  comesHome({
    name: 'transfer-slot-of-a-former-life',
    about: 'a newcomer finds in its transfer slot a block of the worker that had its place before',
    slices: 8,
    extras: -1,
    late: [2],
    settings: { transferSlots: 1, transferBudget: 2 },
    prepare: ([owner]) => blocksOf(owner, MID, 2),
    scripts: [
      function* (owner) {
        yield* owner.detach();
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
        yield* other.malloc(MID);
      },
      function* (_, __, stage) {
        const newcomer = yield* attachWhenThereIsRoom(stage, 3);
        if (newcomer === undefined) return;
        yield* newcomer.malloc(MID);
        yield* newcomer.detach();
      },
    ],
  }),
  comesHome({
    name: 'adopted-frees-come-home',
    about: 'a worker leaves two slabs while a block of each is freed and another worker adopts them',
    slices: 4,
    prepare: ([owner]) => blocksOf(owner, QUARTER, 8),
    scripts: [
      function* (owner) {
        yield* owner.detach();
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
        yield* other.free(blocks[4]);
      },
      function* (third) {
        for (let i = 0; i < 3; i++) yield* third.malloc(QUARTER);
      },
    ],
  }),
  plot({
    name: 'reuse-after-a-late-mark',
    about: 'a block is freed by two workers, by one of them after its slab was retired: who gets it next can free it',
    slices: 4,
    isMisuse: true,
    prepare: ([, owner]) => blocksOf(owner, WHOLE, 1),
    scripts: [
      freeWrongly,
      function* (owner, _, stage) {
        yield* owner.collect();
        if (!(yield* noted(stage, [0, 2]))) return;
        yield* owner.collect();
        yield* owner.free(yield* owner.malloc(WHOLE));
      },
      freeWrongly,
    ],
  }),
  plot({
    name: 'claim-across-words-against-claim',
    about: 'a run across two words of the bitmap is half claimed when another worker takes slices of the second word',
    slices: 80,
    prepare([first]) {
      now(first.region.grow(80) as never);
      const begin = (now(first.malloc(WHOLE)) >>> 12) + 1;
      // Five free slices are left in the word.
      const filler = ((27 - begin) & 31) + 32;
      return blocksOf(first, filler * 4096, 1);
    },
    scripts: [
      function* (first) {
        yield* first.malloc(SPAN);
      },
      function* (second) {
        yield* second.malloc(SEVEN_SLICES);
      },
    ],
  }),
  plot({
    name: 'moving-against-free',
    about: 'a block is moved by realloc and, wrongly, freed by another worker: nothing is left behind',
    slices: 6,
    isMisuse: true,
    prepare: ([first]) => blocksOf(first, QUARTER, 1),
    scripts: [
      function* (first, { blocks }, stage) {
        stage.ledger.unsure(blocks[0]);
        try {
          const moved = yield* first.heap.realloc(blocks[0], WHOLE);
          // Freed and handed out anew in between: then it has been freed for the second time.
          if (moved === blocks[0]) return;
          stage.ledger.take(moved, WHOLE);
        } catch (error) {
          const { code } = error as { code?: string };
          if (code !== 'ERR_HEAP_INVALID_ADDRESS' && code !== 'ERR_HEAP_DOUBLE_FREE') throw error;
        }
      },
      freeWrongly,
    ],
  }),
];
