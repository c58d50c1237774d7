import { StateBits } from '../../../src/layout/format.js';
import { HeaderWord, SliceWord } from '../../../src/layout/offsets.generated.js';
import type { Region } from '../../../src/memory/region.js';
import { sliceWord } from '../../../src/pages/descriptor.js';
import { loadState, noticeOf } from '../../../src/registry/slots.js';
import type { Steps } from '../machine/builds.js';
import { now, stepsOf, type Actor, type Plot, type Stage } from '../machine/stage.js';
import { blocksOf, codeOf, MID, plot, QUARTER, SPAN, WHOLE, type Cast } from './cast.js';

/** Tag of a thread that has no script: it died before the scenario begins. */
const DEAD = 77;
/** Eight blocks to a word of the block bits. */
const SMALL = 64;
/** Three blocks to a slab of four slices, so two dirty bits. */
const TWO_PARTS = 5120;
/** One block to a slab of seven slices. */
const SEVEN_SLICES = 28_672;

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

/** In setup: a worker that dies when it has marked the slab of a block, and has yet to queue it. */
function diesBeforeThePush(stage: Stage, [block]: readonly number[]): readonly number[] {
  const state = sliceWord(stage.region, block >>> 12, SliceWord.X_STATE);
  const steps = stage.attach(DEAD).free(block);
  while (stage.region.i32[state] >>> StateBits.DIRTY_SHIFT === 0) steps.next();
  stage.ledger.gone(block);
  return [];
}

function isForgotten(region: Region, slot: number): boolean {
  return noticeOf(loadState(region, slot)) !== undefined && region.i32[region.header + HeaderWord.X_DEAD] === 0;
}

/** What the planted bugs asked for: remote frees that come home without a look at everything, and places rarely met. */
export const homecomingScenarios: readonly Plot<Cast>[] = [
  plot({
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
  plot({
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
  plot({
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
  plot({
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
  plot({
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
  plot({
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
  plot({
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
    name: 'departure-against-collect',
    about: 'a worker leaves while its block is freed, so its slot has to wait, and another one looks for what waits',
    slices: 4,
    prepare: ([owner]) => blocksOf(owner, QUARTER, 1),
    scripts: [
      function* (owner) {
        yield* owner.detach();
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
      },
      function* (third) {
        yield* third.collect();
        yield* third.collect();
      },
    ],
  }),
  plot({
    name: 'waiting-slot-against-collect',
    about:
      'a worker leaves whose slab a dead one was about to queue: its slot waits, and whoever looks for slots finds it',
    slices: 4,
    extras: 1,
    dead: [DEAD],
    prepare: ([owner], stage) => diesBeforeThePush(stage, blocksOf(owner, QUARTER, 1)),
    scripts: [
      function* (owner, _, stage) {
        yield* owner.detach();
        stage.note('gone');
      },
      function* (second, { actors }, stage) {
        yield* second.collect();
        if (!(yield* noted(stage, [0]))) return;
        if (isForgotten(stage.region, actors[0].owner.slot)) throw new Error('a slot waits, and no hint says so');
        yield* second.bury(DEAD);
        yield* second.collect();
      },
    ],
  }),
  plot({
    name: 'departure-against-leftovers',
    about: 'a worker leaves while another one looks for slots that wait, and a third one takes what is returned',
    slices: 4,
    extras: 1,
    prepare([first], stage) {
      stage.attach(DEAD);
      now(first.bury(DEAD));
      return [];
    },
    scripts: [
      function* (first) {
        yield* first.detach();
      },
      function* (second) {
        yield* second.collect();
      },
      function* (third) {
        const block = yield* third.tryMalloc(QUARTER);
        yield* third.tryMalloc(WHOLE);
        if (block !== 0) yield* third.free(block);
      },
    ],
  }),
  plot({
    name: 'abandonment-against-adoption',
    about: 'a worker leaves while another one, on its way through the slabs to adopt, has passed its slab already',
    slices: 4,
    extras: 1,
    prepare([owner], stage) {
      const blocks = blocksOf(owner, QUARTER, 1);
      blocks.push(...blocksOf(stage.attach(DEAD), QUARTER, 1));
      now(owner.bury(DEAD));
      return blocks;
    },
    scripts: [
      function* (owner) {
        yield* owner.detach();
      },
      function* (second) {
        yield* second.malloc(QUARTER);
      },
    ],
  }),
  plot({
    name: 'adoption-of-empty-by-two',
    about:
      'two workers collect, and each would adopt and return the slab of one that left, whose blocks were all freed',
    slices: 4,
    extras: 1,
    prepare([first], stage) {
      const [block] = blocksOf(stage.attach(DEAD), QUARTER, 1);
      now(first.bury(DEAD));
      now(first.free(block));
      return [];
    },
    scripts: [
      function* (first) {
        yield* first.collect();
      },
      function* (second) {
        yield* second.collect();
      },
    ],
  }),
  plot({
    name: 'late-push-against-a-new-owner',
    about:
      'a slab is retired and made again by another worker, of whose blocks one is freed too, while a push is under way',
    slices: 1,
    prepare: ([owner]) => blocksOf(owner, WHOLE, 1),
    scripts: [
      function* (owner, _, stage) {
        yield* owner.collect();
        if (!(yield* noted(stage, [2])) || stage.notes[0] === '0') return;
        yield* owner.free(Number(stage.notes[0]));
        yield* owner.collect();
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
      },
      function* (third, _, stage) {
        stage.note(String(yield* third.tryMalloc(QUARTER)));
        for (let i = 0; i < 4; i++) yield* third.tryMalloc(QUARTER);
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
      now(stepsOf(first.region.grow(80)));
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
    name: 'growth-against-growth-and-return',
    about: 'a worker grows the region while another one grows it twice and returns what it got first',
    slices: 8,
    scripts: [
      function* (first) {
        yield* first.malloc(WHOLE);
      },
      function* (second) {
        const block = yield* second.malloc(WHOLE);
        yield* second.malloc(TWO_PARTS);
        yield* second.free(block);
        yield* second.collect();
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
