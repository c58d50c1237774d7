import { afterEach, describe, expect, it } from 'vitest';
import { resolveOptions } from '../../src/config/resolve.js';
import { MAGIC } from '../../src/layout/format.js';
import { Geometry } from '../../src/layout/geometry.js';
import { HeaderWord } from '../../src/layout/offsets.generated.js';
import { createRegion, openRegion, tokenOf } from '../../src/memory/create.js';
import type { Region } from '../../src/memory/region.js';

const originals = { load: Atomics.load, store: Atomics.store };

afterEach(() => {
  Object.assign(Atomics, originals);
});

/** Runs `meanwhile` just before the next call of this operation, as another worker would. */
function before(
  name: keyof typeof originals,
  meanwhile: (words: Int32Array, index: number, value: number) => void,
): void {
  const original = originals[name] as (words: Int32Array, index: number, value: number) => number;
  const hooked = (words: Int32Array, index: number, value: number): number => {
    Object.assign(Atomics, originals);
    meanwhile(words, index, value);
    return original(words, index, value);
  };
  Object.assign(Atomics, { [name]: hooked });
}

const create = (): Region => createRegion(resolveOptions({ maxBytes: 64 << 20, backing: 'growable' }));

describe('a region', () => {
  it('has views as long as its limit says, also when another worker adds memory while they are made', () => {
    const region = create();
    const { region: other } = openRegion(tokenOf(region));
    const limit = region.limit;
    before('load', () => other.grow(1));
    region.renew();
    expect(other.limit).toBeGreaterThan(limit);
    expect(region.i32.byteLength).toBeGreaterThanOrEqual(region.limit * Geometry.SLICE_BYTES);
    expect(region.isStale()).toBe(region.limit !== other.limit);
  });

  it('shows its magic number when the rest of its header is there, not before', () => {
    let seen: Int32Array | undefined;
    before('store', (words, index, value) => {
      expect(value).toBe(MAGIC);
      seen = words.slice(index, index + HeaderWord.OPTIONS);
    });
    const region = create();
    const now = region.i32.slice(region.header, region.header + HeaderWord.OPTIONS);
    now[HeaderWord.X_MAGIC] = 0;
    expect(seen).toEqual(now);
  });
});
