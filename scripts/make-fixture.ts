/**
 * Keeps a region of the current format under test/fixtures, for test/heap/compat.test.ts: today to see that such regions can be
 * read, later to see that a build of another format refuses them. Run after every change of the format:
 *
 *     npx tsx -C source scripts/make-fixture.ts
 */
import { fingerprint } from '../src/base/bits.js';
import { Heap } from '../src/heap/heap.js';
import { FORMAT_VERSION } from '../src/layout/format.js';
import { HeaderWord } from '../src/layout/offsets.generated.js';
import { fingerprints, type FixtureFacts, readFixtures, writeFixture } from '../test/fixtures/fixture.js';
import { stamp } from '../test/workers/common.mjs';

const SIZES = [1, 16, 48, 100, 300, 1000, 1500, 3000, 5000, 40_000];

/** Of each size two blocks that stay and one that was freed between them. */
function inhabit(heap: Heap): [address: number, bytes: number][] {
  return SIZES.flatMap((bytes) => {
    const [first, gone, last] = heap.mallocMany(bytes, 3);
    heap.free(gone);
    return [first, last].map((address): [number, number] => {
      stamp(heap.u8, address, Math.min(bytes, 4096), address);
      return [address, bytes];
    });
  });
}

function keepCurrent(): { facts: FixtureFacts; region: Uint8Array } {
  const heap = Heap.create({ maxBytes: 512 * 1024, maxWorkers: 4, backing: 'fixed' });
  const blocks = inhabit(heap);
  const { kind, version, baseSlice, heapId } = heap.token;
  const facts = {
    formatVersion: FORMAT_VERSION,
    ...fingerprints(),
    token: { kind, version, baseSlice, heapId },
    writer: heap.workerId,
    blocks,
  };
  // Taken while the writer is attached: it will have vanished without a word, as writers of files do.
  const region = heap.u8.slice();
  heap.detach();
  return { facts, region };
}

/** Before the first format there was none, so one that differs as an older one would is made up. */
function inventOlder({ facts, region }: ReturnType<typeof keepCurrent>): { facts: FixtureFacts; region: Uint8Array } {
  const older = region.slice();
  const words = new Int32Array(older.buffer);
  const formatVersion = FORMAT_VERSION - 1;
  const layoutHash = fingerprint('the schema of another format');
  words[HeaderWord.FORMAT_VERSION] = formatVersion;
  words[HeaderWord.LAYOUT_HASH] = layoutHash;
  return {
    facts: { ...facts, formatVersion, layoutHash, token: { ...facts.token, version: formatVersion } },
    region: older,
  };
}

const current = keepCurrent();
console.log(writeFixture(current.facts, current.region));
if (!readFixtures().some(({ facts }) => facts.formatVersion < FORMAT_VERSION)) {
  const older = inventOlder(current);
  console.log(writeFixture(older.facts, older.region));
}
