import { isDeepStrictEqual } from 'node:util';
import { Heap, type HeapError } from 'sabmalloc';
import { afterEach, describe, expect, it } from 'vitest';
import { FORMAT_VERSION } from '../../src/layout/format.js';
import { type Fixture, fingerprints, readFixtures } from '../fixtures/fixture.js';
import { empty, sameBlocks } from '../kit/contracts.js';
import { ensure, refused } from '../kit/errors.js';
import { freeAll, KIB, leave } from '../kit/heaps.js';
import { damage } from '../workers/common.mjs';

const RUN = 'run `npx tsx -C source scripts/make-fixture.ts` and commit test/fixtures';

const fixtures = readFixtures();
const others = fixtures.filter(({ facts }) => facts.formatVersion !== FORMAT_VERSION);

const heaps: Heap[] = [];
afterEach(() => heaps.splice(0).forEach(leave));

function current(): Fixture {
  const found = fixtures.find(({ facts }) => facts.formatVersion === FORMAT_VERSION);
  ensure(found !== undefined, () => `no region of format ${FORMAT_VERSION} is kept: ${RUN}`);
  return found;
}

function memoryOf({ region }: Fixture): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(region.length);
  new Uint8Array(memory).set(region);
  return memory;
}

function attach(token: object): Heap {
  const heap = Heap.attach(token as never);
  heaps.push(heap);
  return heap;
}

/** Refused for its version, which the message names together with the right one, and not a byte is changed. */
function isOutdated({ facts, region }: Fixture, memory: SharedArrayBuffer, version: number): HeapError {
  const error = refused('ERR_HEAP_TOKEN', () => attach({ ...facts.token, version, memory }));
  expect(error.message).toMatch(new RegExp(`format version is ${facts.formatVersion}\\b.*\\b${FORMAT_VERSION}\\b`));
  expect(Buffer.compare(new Uint8Array(memory), region)).toBe(0);
  return error;
}

describe('the region that is kept of the current format', () => {
  it('is of this layout, this geometry and these bit fields', () => {
    const { formatVersion, layoutHash, geometryHash, bitsHash } = current().facts;
    const found = { layoutHash, geometryHash, bitsHash };
    ensure(
      isDeepStrictEqual(found, fingerprints()),
      () =>
        `regions are made otherwise than the one that is kept of format ${formatVersion}: ${JSON.stringify(fingerprints())}, not ` +
        `${JSON.stringify(found)}. If that format was ever released raise FORMAT_VERSION in src/layout/format.ts; then ${RUN}`,
    );
  });

  it('can be attached to, and all its blocks are there with their contents', () => {
    const fixture = current();
    const { token, blocks, writer } = fixture.facts;
    const heap = attach({ ...token, memory: memoryOf(fixture) });
    heap.check();
    sameBlocks(
      heap,
      blocks.map(([address]) => address),
    );
    expect(blocks.length).toBeGreaterThan(10);
    for (const [address, bytes] of blocks) {
      expect(heap.usableSize(address)).toBeGreaterThanOrEqual(bytes);
      expect(damage(heap.u8, address, Math.min(bytes, 4096), address), `block ${address}`).toBe(-1);
    }
    expect(new Set([...heap.blocks()].map(({ owner }) => owner))).toEqual(new Set([writer]));
  });

  it('is a heap that goes on: its writer is reclaimed, its blocks are freed and their memory is used again', () => {
    const fixture = current();
    const { token, blocks, writer } = fixture.facts;
    const heap = attach({ ...token, memory: memoryOf(fixture) });
    expect(heap.workerId).not.toBe(writer);
    expect(heap.reclaim(writer)).toBe(true);
    freeAll(
      heap,
      blocks.map(([address]) => address),
    );
    heap.collect();
    empty(heap);
    heap.free(heap.malloc(200 * KIB));
    heap.check();
  });

  it('is refused by a token of a newer or an older version, which names both', () => {
    const fixture = current();
    for (const version of [FORMAT_VERSION + 1, FORMAT_VERSION - 1]) {
      const error = refused('ERR_HEAP_TOKEN', () =>
        attach({ ...fixture.facts.token, version, memory: memoryOf(fixture) }),
      );
      expect(error.message).toMatch(new RegExp(`version is ${version}\\b.*\\b${FORMAT_VERSION}\\b`));
    }
  });
});

describe.each(others.map((fixture) => [fixture.name, fixture] as const))('%s', (_, fixture) => {
  it('is refused with its own token, which names the version found and the one expected', () => {
    isOutdated(fixture, memoryOf(fixture), fixture.facts.formatVersion);
  });

  it('is refused with a token that claims the current version', () => {
    const error = isOutdated(fixture, memoryOf(fixture), FORMAT_VERSION);
    expect(error).toMatchObject({ found: fixture.facts.formatVersion, expected: FORMAT_VERSION });
  });
});

describe('the regions that are kept', () => {
  it('include one of an older format', () => {
    expect(others.some(({ facts }) => facts.formatVersion < FORMAT_VERSION)).toBe(true);
  });

  it('are small files', () => {
    for (const { name, fileBytes } of fixtures) expect(fileBytes, name).toBeLessThan(100 * KIB);
  });
});
