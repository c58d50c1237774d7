import { describe, expect, it } from 'vitest';
import { SlotState } from '../../src/layout/format.js';
import { SlotWord } from '../../src/layout/offsets.generated.js';
import { reclaimThread } from '../../src/registry/reclaim.js';
import { loadState, stateOf } from '../../src/registry/slots.js';
import { Stage } from './kit.js';

describe('a slot with a name and nothing else', () => {
  const THREAD = 77;
  it.each([
    ['that was about to attach', THREAD],
    ['that was about to reserve it', -THREAD],
  ])('comes back when the thread exits %s', (_, name) => {
    const stage = new Stage();
    const { owner } = stage.attach();
    const { region } = stage;
    const slot = owner.slot + 1;
    const word = region.slotWord(slot) + SlotWord.X_THREAD;
    region.i32[word] = name;
    expect(reclaimThread(owner, THREAD)).toBe(true);
    expect(region.i32[word]).toBe(0);
    expect(stateOf(loadState(region, slot))).toBe(SlotState.FREE);
    expect(stage.attach().owner.slot).toBe(slot);
    expect(reclaimThread(owner, THREAD)).toBe(false);
    stage.check();
  });
});
