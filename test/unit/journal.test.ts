import { describe, expect, it } from 'vitest';
import { SlotWord } from '../../src/layout/offsets.generated.js';
import { isClaimed, recoverJournal } from '../../src/pages/slices.js';
import { interrupted } from './meanwhile.js';
import { Stage } from './kit.js';

describe('recovery of a journal', () => {
  it('leaves a slice alone that a living worker claims, returns and claims again while it looks', () => {
    const stage = new Stage();
    const [living, dead] = [stage.attach(), stage.attach()];
    const { region } = stage;
    const { slices } = living.owner;
    const slice = slices.claim(1, 1);
    slices.release(slice, 1);
    // It died when it was about to claim the slice.
    dead.owner.slices.open(slice, 1);
    const bits = region.bitmap + (slice >>> 5);
    const journal = region.slotWord(living.owner.slot) + SlotWord.X_JOURNAL_START;
    let isHeld = false;
    const claim = (): boolean => (isHeld = slices.claimAt(slice, 1));
    const release = (): void => {
      slices.release(slice, 1);
      isHeld = false;
    };
    const came = interrupted(
      [
        { before: 'load', word: bits, meanwhile: claim },
        { before: 'load', word: journal, meanwhile: release },
        { before: 'and', word: bits, meanwhile: claim },
      ],
      () => recoverJournal(region, dead.owner.slot),
    );
    expect(came).toBeGreaterThanOrEqual(2);
    expect(isClaimed(region, slice)).toBe(isHeld);
  });
});
