import type { Steps } from '../machine/builds.js';
import { now, stepsOf, type Actor, type Stage } from '../machine/stage.js';
import { blocksOf, codeOf, plot, QUARTER, WHOLE } from './cast.js';

/** Tag of a thread that has no script: it died before the scenario begins. */
const DEAD = 77;

/** In setup: a worker that holds `count` blocks when it dies. */
function dead(stage: Stage, bytes: number, count: number): readonly number[] {
  return blocksOf(stage.attach(DEAD), bytes, count);
}

/** What a worker does first that claims a slice. */
function openJournal(owner: Actor['owner'], slice: number): Steps<void> {
  const open = owner.slices.open.bind(owner.slices) as unknown as (start: number, count: number) => Steps<void>;
  return open(slice, 1);
}

/** What a worker does that sees the death of another: takes over, allocates from what it can adopt, and frees. */
function* inherit(actor: Actor, bytes: number): ReturnType<Actor['free']> {
  yield* actor.bury(DEAD);
  const block = yield* actor.tryMalloc(bytes);
  if (block !== 0) yield* actor.free(block);
}

/** Arrivals, departures, deaths and adoption. */
export const registryScenarios = [
  plot({
    name: 'adoption-by-two',
    about: 'two workers reclaim a dead one and adopt its slab while a third frees its block',
    slices: 4,
    extras: 1,
    dead: [DEAD],
    prepare: (_, stage) => dead(stage, QUARTER, 2),
    scripts: [
      (first) => inherit(first, QUARTER),
      (second) => inherit(second, QUARTER),
      function* (third, { blocks }) {
        yield* third.free(blocks[0]);
      },
    ],
  }),
  plot({
    name: 'adoption-of-abandoned-by-two',
    about: 'a slab is owned by nobody; two workers in need of its class adopt it at once while its block is freed',
    slices: 2,
    extras: 1,
    dead: [DEAD],
    prepare([first], stage) {
      const blocks = dead(stage, QUARTER, 2);
      now(first.bury(DEAD));
      return blocks;
    },
    scripts: [
      function* (first) {
        yield* first.malloc(QUARTER);
      },
      function* (second) {
        yield* second.malloc(QUARTER);
      },
      function* (third, { blocks }) {
        yield* third.free(blocks[0]);
      },
    ],
  }),
  plot({
    name: 'adoption-against-departure',
    about: 'a worker leaves while another needs blocks of its class',
    slices: 2,
    prepare: ([first]) => blocksOf(first, QUARTER, 1),
    scripts: [
      function* (first) {
        yield* first.detach();
      },
      function* (second) {
        yield* second.malloc(QUARTER);
        yield* second.malloc(QUARTER);
      },
    ],
  }),
  plot({
    name: 'departure-against-a-look-for-leftovers',
    about: 'a worker leaves while another, told that some slot may wait to be reclaimed, looks at all of them',
    slices: 4,
    extras: 1,
    prepare([first, second], stage) {
      stage.attach(DEAD);
      now(second.bury(DEAD));
      return blocksOf(first, QUARTER, 1);
    },
    scripts: [
      function* (first) {
        yield* first.detach();
      },
      function* (second) {
        yield* second.collect();
      },
    ],
  }),
  plot({
    name: 'departure-of-two',
    about: 'two workers leave at once and a third adopts what they leave',
    slices: 4,
    prepare: ([first, second]) => [...blocksOf(first, QUARTER, 1), ...blocksOf(second, QUARTER, 1)],
    scripts: [
      function* (first) {
        yield* first.detach();
      },
      function* (second) {
        yield* second.detach();
      },
      function* (third, { blocks }) {
        yield* third.free(blocks[0]);
        yield* third.malloc(QUARTER);
      },
    ],
  }),
  plot({
    name: 'slot-reuse-against-departure',
    about: 'a worker leaves and a newcomer takes its slot while a block of the old one is freed',
    slices: 4,
    extras: -1,
    late: [1],
    prepare: ([first]) => blocksOf(first, WHOLE, 1),
    scripts: [
      function* (first) {
        yield* first.detach();
      },
      function* (_, __, stage) {
        for (let tries = 0; tries < 2; tries++) {
          let newcomer: Actor;
          try {
            newcomer = yield* stage.attachSteps(2);
          } catch (error) {
            if ((error as { code?: string }).code === 'ERR_HEAP_WORKERS') continue;
            throw error;
          }
          yield* newcomer.free(yield* newcomer.malloc(WHOLE));
          yield* newcomer.detach();
          return;
        }
      },
      function* (third, { blocks }) {
        yield* third.free(blocks[0]);
      },
    ],
  }),
  plot({
    name: 'attach-against-attach',
    about: 'two threads attach where there is one slot: exactly one gets it, or one after the other',
    slices: 3,
    extras: -1,
    late: [0, 1],
    scripts: [0, 1].map(
      (thread) =>
        function* (_: unknown, __: unknown, stage: Stage) {
          try {
            const actor = yield* stage.attachSteps(thread + 1);
            yield* actor.detach();
          } catch (error) {
            if ((error as { code?: string }).code !== 'ERR_HEAP_WORKERS') throw error;
          }
        },
    ),
  }),
  plot({
    name: 'reclaim-against-reclaim-and-attach',
    about: 'two workers reclaim the same dead one while a newcomer takes the slot',
    slices: 4,
    extras: 0,
    late: [2],
    dead: [DEAD],
    prepare: (_, stage) => dead(stage, WHOLE, 1),
    scripts: [
      function* (first) {
        yield* first.bury(DEAD);
      },
      function* (second) {
        yield* second.bury(DEAD);
      },
      function* (_, __, stage) {
        const code = yield* codeOf(attachAndLeave(stage, 3));
        if (code !== 'none' && code !== 'ERR_HEAP_WORKERS') throw new Error(code);
      },
    ],
  }),
  plot({
    name: 'collect-against-reclaim',
    about: 'one worker collects, with leftovers to come back to, while another reclaims the dead one',
    slices: 4,
    extras: 1,
    dead: [DEAD],
    prepare: (_, stage) => dead(stage, WHOLE, 1),
    scripts: [
      function* (first) {
        yield* first.bury(DEAD);
        yield* first.collect();
      },
      function* (second, { blocks }) {
        yield* second.free(blocks[0]);
        yield* second.collect();
      },
    ],
  }),
  plot({
    name: 'claim-against-journal-recovery',
    about: 'a worker claims and returns slices while another recovers the journal of a dead one that overlaps them',
    slices: 3,
    extras: 1,
    dead: [DEAD],
    prepare(_, stage) {
      const { owner } = stage.attach(DEAD);
      now(stepsOf(owner.region.grow(3)));
      if (now(stepsOf(owner.slices.claim(2, 1))) === 0) throw new Error('no room to prepare');
      return [];
    },
    scripts: [
      function* (first) {
        yield* first.bury(DEAD);
      },
      function* (second) {
        const block = yield* second.tryMalloc(WHOLE);
        const another = yield* second.tryMalloc(WHOLE);
        if (block !== 0) yield* second.free(block);
        if (another !== 0) yield* second.free(another);
      },
      function* (third) {
        const block = yield* third.tryMalloc(WHOLE);
        if (block !== 0) yield* third.free(block);
      },
    ],
  }),
  plot({
    name: 'claims-against-a-stale-journal',
    about:
      'a worker died before the first bit of a claim; others claim and return what its journal names while it is recovered',
    slices: 2,
    extras: 1,
    dead: [DEAD],
    prepare([first], stage) {
      const { owner } = stage.attach(DEAD);
      now(stepsOf(owner.region.grow(2)));
      const block = now(first.tryMalloc(QUARTER));
      now(openJournal(owner, block >>> 12));
      now(first.free(block));
      now(first.collect());
      return [];
    },
    scripts: [
      function* (first) {
        const block = yield* first.tryMalloc(QUARTER);
        if (block !== 0) yield* first.free(block);
        yield* first.collect();
      },
      function* (second) {
        const block = yield* second.tryMalloc(QUARTER);
        if (block !== 0) yield* second.free(block);
      },
      function* (third) {
        yield* third.bury(DEAD);
        yield* third.collect();
      },
    ],
  }),
  plot({
    name: 'reserved-attach-against-allocation',
    about: 'a worker attaches to its reserved place, wherever it dies in there, while another allocates and frees',
    slices: 3,
    late: [0],
    prepare([, second]) {
      second.reserveFor(1);
      return [];
    },
    scripts: [
      function* (_, __, stage) {
        const actor = yield* stage.attachSteps(1, stage.reservations.get(1));
        yield* actor.free(yield* actor.malloc(QUARTER));
        yield* actor.detach();
      },
      function* (second) {
        yield* second.free(yield* second.malloc(QUARTER));
      },
    ],
  }),
  plot({
    name: 'reclaim-by-hand-of-one-that-lives',
    about:
      'a worker at rest is reclaimed by hand, by mistake, while its block is freed; its next call says so and harms nobody',
    slices: 4,
    prepare: ([first]) => blocksOf(first, QUARTER, 2),
    scripts: [
      function* (first, _, stage) {
        yield () => stage.notes.includes('reclaimed') || stage.machine.crashed.has(1);
        if (!stage.notes.includes('reclaimed')) return;
        // It wakes up by something that comes after, a message say.
        stage.machine.learnOf(1);
        const code = yield* codeOf(first.heap.malloc(QUARTER));
        if (code !== 'ERR_HEAP_DETACHED') throw new Error(`a reclaimed worker got ${code}`);
      },
      function* (second, { actors }, stage) {
        yield* second.heap.reclaim(actors[0].heap.workerId);
        stage.note('reclaimed');
        yield* second.malloc(QUARTER);
      },
      function* (third, { blocks }) {
        yield* third.free(blocks[0]);
      },
    ],
  }),
];

function* attachAndLeave(stage: Stage, tag: number): ReturnType<Actor['detach']> {
  const actor = yield* stage.attachSteps(tag);
  yield* actor.detach();
}
