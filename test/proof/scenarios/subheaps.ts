import type { Steps } from '../machine/builds.js';
import { now, type Actor, type Stage } from '../machine/stage.js';
import { codeOf, plot, QUARTER, WHOLE, type Cast } from './cast.js';

const STALE = 'ERR_HEAP_STALE_HANDLE';

/** What `sub.malloc` does. The block is the sub-heap's as soon as it is in its list. */
function* allocateIn(actor: Actor, stage: Stage, handle: number, bytes: number): Steps<string> {
  const block = yield* actor.malloc(bytes);
  stage.ledger.leaving(block);
  const code = yield* codeOf(actor.heap.sharing.subHeaps.push('malloc', handle, block));
  stage.ledger.gone(block);
  return code;
}

const drop = (actor: Actor, handle: number): Steps<string> => codeOf(actor.heap.sharing.subHeaps.drop(handle));

/** In setup: a sub-heap with so many blocks. */
function filled(actor: Actor, stage: Stage, bytes: readonly number[]): number {
  const handle = now(actor.heap.sharing.subHeaps.create());
  for (const size of bytes) now(allocateIn(actor, stage, handle, size));
  return handle;
}

/** Whoever is left drops what is left: then nothing of it may be live. */
const close = (last: Actor, { blocks: [handle] }: Cast): void => void now(drop(last, handle));

function isAny(codes: readonly string[]): (notes: readonly string[]) => boolean {
  return (notes) => notes.every((note) => codes.includes(note));
}

/** Sub-heaps: their lists of blocks, and drops. */
export const subHeapScenarios = [
  plot({
    name: 'allocation-against-drop',
    about: 'a worker allocates in a sub-heap while another drops it, and makes the next one in the same record',
    slices: 8,
    prepare: ([first], stage) => [filled(first, stage, [QUARTER])],
    scripts: [
      function* (first, { blocks: [handle] }, stage) {
        stage.note(yield* allocateIn(first, stage, handle, QUARTER));
        stage.note(yield* allocateIn(first, stage, handle, QUARTER));
      },
      function* (second, { blocks: [handle] }, stage) {
        yield* drop(second, handle);
        const { subHeaps } = second.heap.sharing;
        const next = yield* subHeaps.create();
        yield* allocateIn(second, stage, next, QUARTER);
        yield* subHeaps.drop(next);
      },
    ],
    verdict: isAny(['none', STALE]),
    close,
  }),
  plot({
    name: 'drop-by-two',
    about: 'two workers drop a sub-heap at once: one does, the other is told; blocks of both are freed',
    slices: 8,
    prepare([first, second], stage) {
      const handle = filled(first, stage, [QUARTER, WHOLE]);
      now(allocateIn(second, stage, handle, QUARTER));
      return [handle];
    },
    scripts: [
      function* (first, { blocks: [handle] }, stage) {
        stage.note(yield* drop(first, handle));
      },
      function* (second, { blocks: [handle] }, stage) {
        stage.note(yield* drop(second, handle));
      },
    ],
    verdict: (notes) => [...notes].sort().join() === [STALE, 'none'].sort().join(),
    close,
  }),
  plot({
    name: 'allocations-at-once-in-a-subheap',
    about: 'two workers put blocks into the list of a sub-heap, and it is dropped with all of them',
    slices: 8,
    prepare: ([first], stage) => [filled(first, stage, [])],
    scripts: [
      function* (first, { blocks: [handle] }, stage) {
        stage.note(yield* allocateIn(first, stage, handle, QUARTER));
      },
      function* (second, { blocks: [handle] }, stage) {
        stage.note(yield* allocateIn(second, stage, handle, QUARTER));
        stage.note(yield* allocateIn(second, stage, handle, WHOLE));
      },
    ],
    verdict: isAny(['none']),
    close,
  }),
  plot({
    name: 'drop-against-collect',
    about: 'a worker drops a sub-heap while another, which collects, looks for drops that nobody finishes',
    slices: 8,
    prepare: ([first], stage) => [filled(first, stage, [QUARTER, QUARTER])],
    scripts: [
      function* (first, { blocks: [handle] }, stage) {
        stage.note(yield* drop(first, handle));
      },
      function* (second) {
        yield* second.collect();
      },
    ],
    verdict: isAny(['none']),
    close,
  }),
];
