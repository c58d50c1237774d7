import { describe, expect, it } from 'vitest';
import { resolveOptions } from '../../src/config/resolve.js';
import { MAGIC } from '../../src/layout/format.js';
import { Geometry } from '../../src/layout/geometry.js';
import { HeaderWord } from '../../src/layout/offsets.generated.js';
import { createRegion, openRegion, tokenOf } from '../../src/memory/create.js';
import type { Region } from '../../src/memory/region.js';
import { interrupted } from './meanwhile.js';

const create = (): Region => createRegion(resolveOptions({ maxBytes: 64 << 20, backing: 'growable' }));

describe('a region', () => {
  it('has views as long as its limit says, also when another worker adds memory while they are made', () => {
    const region = create();
    const { region: other } = openRegion(tokenOf(region));
    const { limit } = region;
    expect(interrupted([{ before: 'load', meanwhile: () => other.grow(1) }], () => region.renew())).toBe(1);
    expect(other.limit).toBeGreaterThan(limit);
    expect(region.i32.byteLength).toBeGreaterThanOrEqual(region.limit * Geometry.SLICE_BYTES);
    expect(region.isStale()).toBe(region.limit !== other.limit);
  });

  it('keeps the growth of a worker that grew it further meanwhile', () => {
    const region = create();
    const { region: other } = openRegion(tokenOf(region));
    const growing = { before: 'compareExchange', meanwhile: () => other.grow(3 * Geometry.SEGMENT_SLICES) } as const;
    expect(interrupted([growing], () => expect(region.grow(1)).toBe(true))).toBe(1);
    expect(region.limit).toBe(other.limit);
  });

  it('shows its magic number when the rest of its header is there, not before', () => {
    let seen: Int32Array | undefined;
    const look = (words: Int32Array, index: number, value: number): number => {
      expect(value).toBe(MAGIC);
      seen = words.slice(index, index + HeaderWord.OPTIONS);
      return 0;
    };
    let region: Region | undefined;
    interrupted([{ before: 'store', meanwhile: look }], () => (region = create()));
    const { i32, header } = region!;
    const now = i32.slice(header, header + HeaderWord.OPTIONS);
    now[HeaderWord.X_MAGIC] = 0;
    expect(seen).toEqual(now);
  });
});
