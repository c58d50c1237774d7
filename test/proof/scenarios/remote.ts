import type { Steps } from '../machine/builds.js';
import type { Actor, Stage } from '../machine/stage.js';
import { blocksOf, codeOf, MID, plot, QUARTER, WHOLE, type Cast } from './cast.js';

/** What a free says that came too late: the slab may be gone already, and its slices anything. */
const DOUBLE_FREES = ['none', 'ERR_HEAP_DOUBLE_FREE', 'ERR_HEAP_INVALID_FREE'];

/** Frees the first block although somebody else does so too, and notes what came of it. */
function* freeWrongly(actor: Actor, { blocks }: Cast, stage: Stage): Steps<void> {
  stage.ledger.unsure(blocks[0]);
  stage.note(yield* codeOf(actor.heap.free(blocks[0])));
}

/** Remote frees against everything their slab's owner may be doing. */
export const remoteScenarios = [
  plot({
    name: 'push-against-take-all',
    about: 'two workers free blocks of one slab while its owner takes the queue and drains',
    slices: 4,
    prepare: ([owner]) => blocksOf(owner, QUARTER, 4),
    scripts: [
      function* (owner) {
        yield* owner.free(yield* owner.malloc(QUARTER));
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
    name: 'two-slabs-pushed-against-take-all',
    about: 'two slabs are pushed on one queue, each by another worker, while the owner takes it twice',
    slices: 4,
    prepare: ([owner]) => blocksOf(owner, QUARTER, 8),
    scripts: [
      function* (owner) {
        yield* owner.malloc(QUARTER);
        yield* owner.malloc(QUARTER);
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
      },
      function* (third, { blocks }) {
        yield* third.free(blocks[7]);
      },
    ],
  }),
  plot({
    name: 'free-again-while-draining',
    about: 'one worker frees two blocks one after the other, so the slab gets dirty again while it is drained',
    slices: 4,
    prepare: ([owner]) => blocksOf(owner, QUARTER, 4),
    scripts: [
      function* (owner) {
        yield* owner.malloc(QUARTER);
        yield* owner.malloc(QUARTER);
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
        yield* other.free(blocks[1]);
      },
    ],
  }),
  plot({
    name: 'remote-free-against-retirement',
    about: 'the last block of a slab is freed remotely while its owner collects and would retire the slab',
    slices: 4,
    prepare: ([owner]) => blocksOf(owner, WHOLE, 1),
    scripts: [
      function* (owner) {
        yield* owner.collect();
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
      },
    ],
  }),
  plot({
    name: 'remote-free-against-local-retirement',
    about: 'the owner frees the other blocks of the slab and collects while the last one is freed remotely',
    slices: 4,
    prepare: ([owner]) => blocksOf(owner, QUARTER, 2),
    scripts: [
      function* (owner, { blocks }) {
        yield* owner.free(blocks[0]);
        yield* owner.collect();
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[1]);
      },
    ],
  }),
  plot({
    name: 'remote-free-against-reuse-by-the-same-class',
    about: 'a late mark meets the slab after it was drained, retired and made again of the same class',
    slices: 1,
    prepare: ([owner]) => blocksOf(owner, WHOLE, 1),
    scripts: [
      function* (owner) {
        const block = yield* owner.tryMalloc(WHOLE);
        if (block !== 0) yield* owner.free(block);
        yield* owner.collect();
        yield* owner.tryMalloc(WHOLE);
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
      },
    ],
  }),
  plot({
    name: 'remote-free-against-reuse-by-another-class',
    about: 'a late mark meets the slice as a slab of another class of another worker',
    slices: 1,
    prepare: ([owner]) => blocksOf(owner, WHOLE, 1),
    scripts: [
      function* (owner) {
        yield* owner.collect();
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
      },
      function* (third) {
        const block = yield* third.tryMalloc(QUARTER);
        if (block !== 0) yield* third.free(block);
      },
    ],
  }),
  plot({
    name: 'remote-free-against-reuse-by-a-span',
    about: 'a late mark meets the slice as the middle of a span',
    slices: 9,
    prepare: ([owner]) => blocksOf(owner, WHOLE, 1),
    scripts: [
      function* (owner) {
        yield* owner.collect();
        const span = yield* owner.tryMalloc(32_769);
        if (span !== 0) yield* owner.free(span);
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
      },
    ],
  }),
  plot({
    name: 'remote-free-against-detach',
    about: 'the owner leaves while two of its blocks are freed by others',
    slices: 4,
    prepare: ([owner]) => blocksOf(owner, QUARTER, 2),
    scripts: [
      function* (owner) {
        yield* owner.detach();
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
    name: 'spill-against-remote-free',
    about: 'the owner spills blocks of a slab, which empties it, while another worker frees its last block',
    slices: 4,
    prepare: ([owner]) => blocksOf(owner, QUARTER, 4),
    scripts: [
      function* (owner, { blocks }) {
        for (const block of blocks.slice(1)) yield* owner.free(block);
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
      },
    ],
  }),
  plot({
    name: 'double-free-by-two',
    about: 'two workers free the same block of a third, who collects: one at least succeeds, and the heap is intact',
    slices: 4,
    isMisuse: true,
    prepare: ([, owner]) => blocksOf(owner, QUARTER, 2),
    scripts: [
      freeWrongly,
      function* (owner) {
        yield* owner.collect();
      },
      freeWrongly,
    ],
    verdict: (notes) => notes.includes('none') && notes.every((code) => DOUBLE_FREES.includes(code)),
  }),
  plot({
    name: 'double-free-by-two-of-an-idle-owner',
    about: 'two workers free the same block of a third, who is at rest: exactly one succeeds',
    slices: 4,
    extras: 1,
    isMisuse: true,
    prepare: (_, stage) => blocksOf(stage.attach(), QUARTER, 2),
    scripts: [freeWrongly, freeWrongly],
    verdict: (notes) => notes.toSorted().join() === 'ERR_HEAP_DOUBLE_FREE,none',
  }),
  plot({
    name: 'double-free-by-owner-and-another',
    about: 'the owner and another worker free the same block: one at least succeeds, and the heap is intact',
    slices: 4,
    isMisuse: true,
    prepare: ([owner]) => blocksOf(owner, QUARTER, 2),
    scripts: [freeWrongly, freeWrongly],
    verdict: (notes) => notes.includes('none') && notes.every((code) => DOUBLE_FREES.includes(code)),
  }),
  plot({
    name: 'transfer-slots-against-drain',
    about: 'two workers put Mid blocks into the transfer slots of their owner, which takes them out',
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
    name: 'transfer-slots-against-detach',
    about: 'a block is put into a transfer slot while its owner leaves and another worker adopts its slab',
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
        yield* third.free(yield* third.malloc(MID));
      },
    ],
  }),
  plot({
    name: 'magazine-against-remote-free',
    about: 'the owner spills Mid blocks into its magazine and takes them out while others free blocks of the slab',
    slices: 8,
    settings: { magazineCapacity: 2 },
    prepare: ([owner]) => blocksOf(owner, MID, 5),
    scripts: [
      function* (owner, { blocks }) {
        for (const block of blocks.slice(1)) yield* owner.free(block);
        yield* owner.malloc(MID);
      },
      function* (other, { blocks }) {
        yield* other.free(blocks[0]);
      },
    ],
  }),
];
