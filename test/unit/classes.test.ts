import { describe, expect, it } from 'vitest';
import {
  CLASS_BYTES,
  CLASS_OF,
  Classes,
  SLAB_SLICES_FIRST,
  SLAB_SLICES_FULL,
  alignedClass,
  capacityBlocks,
  nextSlabSlices,
} from '../../src/layout/classes.js';
import { Geometry } from '../../src/layout/geometry.js';

describe('size classes', () => {
  it('are as many as the constant says and Mid begins where it says', () => {
    expect(CLASS_BYTES.length - 1).toBe(Classes.COUNT);
    expect(CLASS_BYTES[Classes.FIRST_MID - 1]).toBe(Geometry.TINY_MAX_BYTES);
    expect(CLASS_BYTES[Classes.COUNT]).toBe(Geometry.SLAB_BLOCK_MAX_BYTES);
  });

  it('serve every size from the smallest class that holds it, wasting at most 12.5 % above 128 bytes', () => {
    for (let bytes = 0; bytes <= Geometry.SLAB_BLOCK_MAX_BYTES; bytes++) {
      const classId = CLASS_OF[(bytes + 15) >>> 4];
      expect(classId === 0).toBe(bytes > Geometry.MID_MAX_BYTES && bytes < Geometry.LAST_CLASS_FROM_BYTES);
      if (classId === 0) continue;
      const block = CLASS_BYTES[classId];
      expect(block).toBeGreaterThanOrEqual(bytes);
      if (classId > 1) expect(CLASS_BYTES[classId - 1]).toBeLessThan(bytes);
      if (bytes > 128) expect((block - bytes) / block).toBeLessThanOrEqual(0.125);
      else expect(block - bytes).toBeLessThanOrEqual(16);
      expect(block % 16).toBe(0);
    }
  });

  it('have slabs that fit one bitmap word and waste little at their end', () => {
    for (let classId = 1; classId <= Classes.COUNT; classId++) {
      for (const slices of [SLAB_SLICES_FIRST[classId], SLAB_SLICES_FULL[classId]]) {
        expect(slices).toBeGreaterThan(0);
        expect(slices).toBeLessThanOrEqual(Geometry.SLAB_SLICES_MAX);
        const used = capacityBlocks(classId, slices) * CLASS_BYTES[classId];
        expect(1 - used / (slices * Geometry.SLICE_BYTES)).toBeLessThanOrEqual(0.07);
      }
    }
  });

  it('grow their slabs with demand up to the full size', () => {
    for (let classId = 1; classId <= Classes.COUNT; classId++) {
      let owned = 0;
      let before = 0;
      for (let slab = 0; slab < 40; slab++) {
        const slices = nextSlabSlices(classId, owned);
        expect(slices).toBeGreaterThanOrEqual(before);
        expect(slices).toBeLessThanOrEqual(
          Math.max(SLAB_SLICES_FULL[classId], 2 * Math.max(owned, SLAB_SLICES_FIRST[classId])),
        );
        before = slices;
        owned += slices;
      }
      expect(before).toBe(SLAB_SLICES_FULL[classId]);
    }
  });

  it('align blocks to every power of two up to a slice', () => {
    for (let alignment = 16; alignment <= Geometry.SLICE_BYTES; alignment *= 2)
      for (let bytes = 0; bytes <= 8192; bytes += 7) {
        const classId = alignedClass(bytes, alignment);
        expect(CLASS_BYTES[classId]).toBeGreaterThanOrEqual(bytes);
        expect(CLASS_BYTES[classId] % alignment).toBe(0);
      }
    expect(alignedClass(16, 8192)).toBe(0);
  });

  it('say how many blocks fit, also into more slices than a slab has', () => {
    for (let classId = 1; classId <= Classes.COUNT; classId++)
      for (const slices of [1, 2, 31, 32, 33, 34, 1000, 100_000])
        expect(capacityBlocks(classId, slices)).toBe(Math.floor((slices * 4096) / CLASS_BYTES[classId]));
  });
});
