import { describe, expect, it } from 'vitest';
import { classify } from '../../src/heap/lookup.js';
import { isClaimed } from '../../src/pages/slices.js';
import { allocateSpan, freeSpan, resizeSpan, spanSlices } from '../../src/pages/spans.js';
import { Stage } from './kit.js';

describe('spans', () => {
  it('do not grow in place over the end of what exists', () => {
    const stage = new Stage({ maxBytes: 64 << 20 });
    const { owner } = stage.attach();
    const { region, slices, slot, workerId } = owner;
    const first = slices.claim(1, 1);
    slices.release(first, 1);
    const count = region.limit - first;
    expect(allocateSpan(region, slices, workerId, count, 1)).toBe(first);
    expect(resizeSpan(region, slices, slot, first, count + 1)).toBe(false);
    expect(spanSlices(region, first)).toBe(count);
    expect(isClaimed(region, region.limit)).toBe(false);
    stage.check();
  });

  it('know the part they grew by as their own: what began there before is no block any more', () => {
    const stage = new Stage();
    const { owner } = stage.attach();
    const { region, slices, slot, workerId } = owner;
    const [first, second] = [40, 40].map((count) => allocateSpan(region, slices, workerId, count, 1));
    expect(second).toBe(first + 40);
    expect(freeSpan(region, slices, slot, second)).toBe(true);
    expect(resizeSpan(region, slices, slot, first, 80)).toBe(true);
    expect(classify(region, region.addressOf(second))).toBe('interior');
    stage.check();
  });
});
