import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { reclaimSlot } from '../../src/registry/reclaim.js';
import { isHeard, publish } from '../../src/platform/diagnostics.js';
import { Stage } from './kit.js';

const listeners: [string, () => void][] = [];
function listen(name: string, listener: () => void): void {
  listeners.push([`sabmalloc:${name}`, listener]);
  subscribe(`sabmalloc:${name}`, listener);
}
afterEach(() => {
  for (const [name, listener] of listeners.splice(0)) unsubscribe(name, listener);
  vi.restoreAllMocks();
});

describe('what happens inside a call', () => {
  it.each(['grow', 'adopt'])('(%s) is told when the books are in order again', (name) => {
    const stage = new Stage({ maxBytes: 16 << 20 });
    const [actor, other] = [stage.attach(), stage.attach()];
    for (let i = 0; i < 100; i++) other.malloc(1000);
    reclaimSlot(actor.owner, other.owner.slot, other.membership.generation, 'exited');
    const seen: boolean[] = [];
    listen(name, () => {
      seen.push(actor.owner.isMidway);
      stage.check();
    });
    for (let i = 0; i < 6000; i++) actor.malloc(1000);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).not.toContain(true);
  });
});

describe('a channel', () => {
  it('is heard from a subscription to its end', () => {
    expect(isHeard('misuse')).toBe(false);
    listen('misuse', () => undefined);
    expect(isHeard('misuse')).toBe(true);
    unsubscribe(...listeners.pop()!);
    expect(isHeard('misuse')).toBe(false);
  });

  it('that nobody listens to gets nothing, not even a message made for it', () => {
    const stage = new Stage({ maxBytes: 16 << 20 });
    const named = vi.spyOn(Object.getPrototypeOf(stage.region), 'heapId', 'get');
    const actor = stage.attach();
    for (let i = 0; i < 20; i++) actor.malloc(500_000);
    expect(() => actor.free(3)).toThrow();
    expect(named).not.toHaveBeenCalled();
    expect(() => publish('grow', {})).not.toThrow();
  });
});
