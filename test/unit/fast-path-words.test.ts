import { beforeAll, describe, expect, it } from 'vitest';
import { loadBuilds } from '../proof/machine/builds.js';
import { now, Stage, type Actor } from '../proof/machine/stage.js';

/** Reads and writes of the region, each counted by the machine that the stepped build runs on. */
describe('on the fast path', () => {
  let stage: Stage;
  let actor: Actor;
  const accessesOf = (call: () => void): number => {
    const { machine } = stage;
    machine.keep();
    machine.begin();
    const before = machine.accesses;
    call();
    const made = machine.accesses - before;
    machine.keep();
    return made;
  };

  beforeAll(async () => {
    stage = new Stage(await loadBuilds(), { slices: 4, workers: 1 }, 1);
    actor = stage.attach();
    // The next block of its class is in the cache, and there is room for another.
    now(actor.heap.free(now(actor.heap.malloc(64))));
  }, 60_000);

  it('malloc makes five accesses and free eight: count, entry and live bit; map, both bits, room, entry and count', () => {
    let address = 0;
    expect(accessesOf(() => (address = now(actor.heap.malloc(64))))).toBe(5);
    expect(accessesOf(() => now(actor.heap.free(address)))).toBe(8);
  });

  it('the slow path makes more, so the counter counts', () => {
    expect(accessesOf(() => now(actor.heap.malloc(2000)))).toBeGreaterThan(13);
  });
});
