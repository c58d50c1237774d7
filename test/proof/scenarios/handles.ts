import type { SteppedHandleTable, Steps } from '../machine/builds.js';
import { now, type Actor, type Stage } from '../machine/stage.js';
import { blocksOf, plot, QUARTER } from './cast.js';

const describe = (block: number): Parameters<SteppedHandleTable['enter']>[0] => ({
  block,
  address: block,
  type: 2,
  length: block >>> 4,
  allocation: 0,
});

/** A table of the worker's own, as of a worker that has used none before. */
const tableOf = (actor: Actor, stage: Stage): SteppedHandleTable => stage.builds.stepped.newHandleTable(actor.owner);

/** In setup: a handle for the block, with so many holders. */
function shared(actor: Actor, stage: Stage, block: number, holders: number): number {
  const table = tableOf(actor, stage);
  const handle = now(table.enter(describe(block)));
  for (let i = 1; i < holders; i++) now(table.retain(handle));
  return handle;
}

/** What `heap.release` does. */
function* release(actor: Actor, stage: Stage, handle: number, block: number): Steps<number | undefined> {
  const table = tableOf(actor, stage);
  const left = yield* table.release(handle);
  if (left !== 0) return left;
  yield* actor.free(block);
  yield* table.giveBack(handle);
  return left;
}

/** A new object is shared, is found under its handle, and goes. */
function* shareAnother(actor: Actor, stage: Stage): Steps<number> {
  const block = yield* actor.malloc(QUARTER);
  const table = tableOf(actor, stage);
  const handle = yield* table.enter(describe(block));
  if ((yield* table.lookUp(handle))?.block !== block) throw new Error('a handle is not that of its object');
  if ((yield* release(actor, stage, handle, block)) !== 0) throw new Error('somebody else holds a new object');
  return handle;
}

/** Handles: the table, its chunks, and the counts of holders. */
export const handleScenarios = [
  plot({
    name: 'last-release-by-two',
    about: 'two workers give up the last two holds of a shared object while a third shares another',
    slices: 8,
    prepare([first], stage) {
      const [block] = blocksOf(first, QUARTER, 1);
      return [block, shared(first, stage, block, 2)];
    },
    scripts: [
      function* (first, { blocks: [block, handle] }, stage) {
        stage.note(`left ${yield* release(first, stage, handle, block)}`);
      },
      function* (second, { blocks: [block, handle] }, stage) {
        stage.note(`left ${yield* release(second, stage, handle, block)}`);
      },
      function* (third, _, stage) {
        yield* shareAnother(third, stage);
      },
    ],
    verdict: (notes) => [...notes].sort().join() === 'left 0,left 1',
  }),
  plot({
    name: 'stale-handle-against-reuse',
    about: 'a worker looks up and retains a handle whose object goes, and whose record becomes that of another',
    slices: 8,
    prepare([first], stage) {
      const [block, other] = blocksOf(first, QUARTER, 2);
      return [block, shared(first, stage, block, 1), other];
    },
    scripts: [
      function* (first, { blocks: [block, handle, other] }, stage) {
        yield* release(first, stage, handle, block);
        const next = yield* tableOf(first, stage).enter(describe(other));
        yield* release(first, stage, next, other);
      },
      function* (second, { blocks: [block, handle] }, stage) {
        const table = tableOf(second, stage);
        const found = yield* table.lookUp(handle);
        if (found !== undefined && (found.block !== block || found.length !== block >>> 4))
          throw new Error('a stale handle names what is not its own');
        if ((yield* table.retain(handle)) > 0) yield* release(second, stage, handle, block);
      },
    ],
  }),
  plot({
    name: 'records-at-once',
    about: 'two workers take records of the same chunk',
    slices: 8,
    prepare([first], stage) {
      now(shareAnother(first, stage));
      return [];
    },
    scripts: [
      function* (first, _, stage) {
        yield* shareAnother(first, stage);
      },
      function* (second, _, stage) {
        yield* shareAnother(second, stage);
      },
    ],
  }),
  plot({
    name: 'first-handles-at-once',
    about: 'two workers share the first objects of a heap: each adds a chunk, or finds a place in that of the other',
    slices: 8,
    scripts: [
      function* (first, _, stage) {
        yield* shareAnother(first, stage);
      },
      function* (second, _, stage) {
        yield* shareAnother(second, stage);
      },
    ],
  }),
];
