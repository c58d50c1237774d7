import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Kind } from '../../src/layout/format.js';
import { HeaderWord, SlotWord } from '../../src/layout/offsets.generated.js';
import { isPublished, publishRun } from '../../src/pages/descriptor.js';
import { Slices, countClaimed, isClaimed, journalStart, recoverJournal } from '../../src/pages/slices.js';
import { allocateSpan, freeSpan, isSpan, resizeSpan } from '../../src/pages/spans.js';
import { Stage } from './kit.js';

function room(): { stage: Stage; slices: Slices } {
  const stage = new Stage({ maxBytes: 8 << 20 });
  return { stage, slices: new Slices(stage.region, 1) };
}

describe('slices', () => {
  // First: where it fails, the property below searches for ever.
  it('gives no run that would reach past the limit once it is aligned', () => {
    const { stage, slices } = room();
    const { region } = stage;
    const alignment = 16;
    const free = region.limit - 4 * alignment + 1;
    expect(slices.claimAt(region.firstSlice, free - region.firstSlice)).toBe(true);
    // As long as what is free, but not from an aligned slice on.
    const count = region.limit - free;
    expect(count).toBeGreaterThan(32);
    expect(slices.claim(count, alignment)).toBe(0);
    expect(slices.claim(count - alignment + 1, alignment)).toBe(free + alignment - 1);
  });

  it('claims disjoint runs of any length and alignment, and gives them all back', () => {
    const runs = fc.array(fc.tuple(fc.integer({ min: 1, max: 100 }), fc.constantFrom(1, 2, 4, 8, 16), fc.boolean()), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(runs, (wanted) => {
        const { stage, slices } = room();
        const before = countClaimed(stage.region);
        const held: [number, number][] = [];
        for (const [count, alignment, release] of wanted) {
          const start = slices.claim(count, alignment);
          if (start === 0) continue;
          publishRun(stage.region, start, count, Kind.SPAN, 0);
          slices.close();
          expect(start % alignment).toBe(0);
          for (const [other, length] of held) expect(start + count <= other || other + length <= start).toBe(true);
          held.push([start, count]);
          if (release) for (const [at] of held.splice(0, 1)) expect(freeSpan(stage.region, slices, 1, at)).toBe(true);
        }
        for (const [start] of held) freeSpan(stage.region, slices, 1, start);
        expect(countClaimed(stage.region)).toBe(before);
        expect(stage.region.i32[stage.region.header + HeaderWord.X_COMMITTED]).toBe(before);
      }),
      { numRuns: 60 },
    );
  });

  it('makes neighbours one run again without any merging step', () => {
    const { stage, slices } = room();
    const { region } = stage;
    const spans: number[] = [];
    for (;;) {
      const start = allocateSpan(region, slices, 1, 7, 1);
      if (start === 0) break;
      spans.push(start);
    }
    for (const start of spans) freeSpan(region, slices, 1, start);
    const all = region.limit - region.firstSlice;
    expect(allocateSpan(region, slices, 1, all, 1)).toBe(region.firstSlice);
  });

  it('lets exactly one of two frees of a span through', () => {
    const { stage, slices } = room();
    const start = allocateSpan(stage.region, slices, 1, 10, 1);
    expect(freeSpan(stage.region, slices, 1, start)).toBe(true);
    expect(freeSpan(stage.region, new Slices(stage.region, 2), 2, start)).toBe(false);
  });

  it('resizes in place when the neighbours allow and leaves the span alone when they do not', () => {
    const { stage, slices } = room();
    const { region } = stage;
    const first = allocateSpan(region, slices, 1, 40, 1);
    const second = allocateSpan(region, slices, 1, 40, 1);
    expect(second).toBe(first + 40);
    expect(resizeSpan(region, slices, 1, first, 41)).toBe(false);
    expect(isSpan(region, first)).toBe(true);
    expect(resizeSpan(region, slices, 1, first, 20)).toBe(true);
    expect(isClaimed(region, first + 20)).toBe(false);
    expect(resizeSpan(region, slices, 1, first, 40)).toBe(true);
    expect(isPublished(region, first + 39)).toBe(true);
  });

  it('returns what a worker killed between claiming and publishing had claimed', () => {
    const { stage, slices } = room();
    const { region } = stage;
    const before = countClaimed(region);
    expect(slices.claim(70, 1)).toBeGreaterThan(0);
    expect(countClaimed(region)).toBe(before + 70);
    expect(recoverJournal(region, 1)).toBe(true);
    expect(countClaimed(region)).toBe(before);
  });

  it('leaves a published run alone, even if its worker was killed before it closed the journal', () => {
    const { stage, slices } = room();
    const { region } = stage;
    const start = slices.claim(5, 1);
    publishRun(region, start, 5, Kind.SPAN, 0);
    expect(recoverJournal(region, 1)).toBe(true);
    expect(isSpan(region, start)).toBe(true);
    expect(isClaimed(region, start + 4)).toBe(true);
  });

  it('leaves slices alone that a living worker is about to publish', () => {
    const { stage, slices } = room();
    const { region } = stage;
    const living = new Slices(region, 2);
    const start = living.claim(3, 1);
    slices.open(start, 3);
    expect(recoverJournal(region, 1)).toBe(false);
    expect(isClaimed(region, start)).toBe(true);
    publishRun(region, start, 3, Kind.SPAN, 0);
    living.close();
    expect(recoverJournal(region, 1)).toBe(true);
    expect(journalStart(region.i32[region.slotWord(1) + SlotWord.X_JOURNAL_START])).toBe(0);
    expect(isSpan(region, start)).toBe(true);
  });
});
