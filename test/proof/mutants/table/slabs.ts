import type { Mutant } from '../mutant.js';

const SLAB = 'src/slabs/slab.ts';
const CACHE = 'src/slabs/cache.ts';
const CLASSES = 'src/layout/classes.ts';

/** Blocks, slabs, caches and transfer slots. */
export const slabsMutants: readonly Mutant[] = [
  {
    name: 'carve-past-the-end',
    about: 'a slab has one block more than fits into it',
    file: SLAB,
    edits: [
      [
        'return capacityBlocks(classId, slabSlices(region, head));',
        'return capacityBlocks(classId, slabSlices(region, head)) + 1;',
      ],
      [
        'takeIn(owner, head, classId, capacityBlocks(classId, count));',
        'takeIn(owner, head, classId, capacityBlocks(classId, count) + 1);',
      ],
    ],
    by: 'frees-come-home',
  },
  {
    name: 'blocks-between-block-starts',
    about: 'block starts are not carried over from one word of 32 granules to the next',
    file: SLAB,
    edits: [[`    offset -= shift;\n    if (offset < 0) offset += step;\n`, `    if (offset < 0) offset += shift;\n`]],
    by: 'test/heap/basics.test.ts',
  },
  {
    name: 'residue-kept',
    about: 'remote bits that frees of blocks long gone left behind meet the blocks of a new slab',
    file: SLAB,
    edits: [[`  clearResidue(region, head, count);\n`, '']],
    by: 'reuse-after-a-late-mark',
  },
  {
    name: 'slab-journal-closed-early',
    about: 'the journal is closed before a new slab is published: who dies in between takes the slices along',
    file: SLAB,
    edits: [
      [
        `  publishRun(region, head, count, classId, owner.slot);\n  owner.slices.close();\n`,
        `  owner.slices.close();\n  publishRun(region, head, count, classId, owner.slot);\n`,
      ],
    ],
    by: 'claim-against-claim!',
  },
  {
    name: 'retired-although-dirty',
    about: 'an empty slab is returned although another worker is about to queue it',
    file: SLAB,
    edits: [
      [
        `  if (atomics.compareExchange(i32, sliceWord(region, head, SliceWord.X_STATE), clean, 0) !== clean) {
    owner.slices.close();
    return false;
  }
`,
        `  if (clean !== 0) atomics.store(i32, sliceWord(region, head, SliceWord.X_STATE), 0);
`,
      ],
    ],
    by: 'late-push-against-a-new-owner',
  },
  {
    name: 'retired-although-in-use',
    about: 'a slab is returned when its class has empty ones to spare, whether or not it is one of them',
    file: SLAB,
    edits: [[`  if (free !== slabCapacity(owner.region, head, classId)) return;\n`, `  if (free === 0) return;\n`]],
    by: 'test/unit/reclaim.test.ts',
  },
  {
    name: 'retired-without-a-journal',
    about: 'the state of a slab goes before the journal names its slices',
    file: SLAB,
    edits: [
      [`  owner.slices.open(head, count);\n`, ''],
      [
        `  unlink(owner, head, classId);\n  i32[owner.cache(classId) + CacheWord.EMPTY_SLABS]--;\n`,
        `  owner.slices.open(head, count);\n  unlink(owner, head, classId);\n  i32[owner.cache(classId) + CacheWord.EMPTY_SLABS]--;\n`,
      ],
    ],
    by: 'collect-against-collect!',
  },
  {
    name: 'map-written-after-the-slices-went',
    about: "a retired slab writes its map words when the slices may be somebody else's already",
    file: SLAB,
    edits: [
      [
        `  fillMap(region, head, count, Kind.WAS | classId, 0);\n  owner.slices.release(head, count);\n`,
        `  owner.slices.release(head, count);\n  fillMap(region, head, count, Kind.WAS | classId, 0);\n`,
      ],
    ],
    by: 'remote-free-against-reuse-by-another-class',
  },
  {
    name: 'full-slab-stays-listed',
    about: 'a slab without a free block stays on the list of those that have some',
    file: SLAB,
    edits: [[`  if (free === count) unlink(owner, head, classId);\n`, '']],
    by: 'push-against-take-all',
  },
  {
    name: 'stack-not-shortened-by-a-spill',
    about: 'spilled blocks stay on the stack: they are handed out from there and from their slab',
    file: CACHE,
    edits: [[`  i32[cache + CacheWord.COUNT] -= spilled;\n`, '']],
    by: 'spill-against-remote-free',
  },
  {
    name: 'torn-spill',
    about:
      'the oldest blocks are read after the stack has moved down over them: others are spilled than leave the stack',
    file: CACHE,
    edits: [
      [
        `  for (let i = 0; i < spilled; i++) owner.spilled[i] = i32[bottom + i];
  i32.copyWithin(bottom, bottom + spilled, bottom + count);
`,
        `  i32.copyWithin(bottom, bottom + spilled, bottom + count);
  for (let i = 0; i < spilled; i++) owner.spilled[i] = i32[bottom + i];
`,
      ],
    ],
    by: 'test/unit/churn.test.ts',
  },
  {
    name: 'stack-kept-by-a-flush',
    about: 'collect returns the cached blocks to their slabs, and keeps them: the stack names blocks of retired slabs',
    file: CACHE,
    edits: [[`  i32[cache + CacheWord.COUNT] -= count;\n`, '']],
    by: 'remote-free-against-local-retirement',
  },
  {
    name: 'magazine-without-a-ring',
    about: 'a block is put behind the end of the magazine instead of round to its start',
    file: CACHE,
    edits: [['((i32[cache + CacheWord.RING_HEAD] + count) % capacity)', '(i32[cache + CacheWord.RING_HEAD] + count)']],
    by: 'test/heap/model.test.ts',
  },
  {
    name: 'transfer-by-load-and-store',
    about: 'two workers put a block into the same transfer slot',
    file: CACHE,
    edits: [
      [
        `    if (atomics.compareExchange(region.i32, first + i, 0, granule) !== 0) continue;\n`,
        `    atomics.store(region.i32, first + i, granule);\n`,
      ],
    ],
    by: 'transfers-come-home',
  },
  {
    name: 'transfer-to-the-departed',
    about: 'a block is put into a transfer slot of a worker that has left, and nobody else is told',
    file: CACHE,
    edits: [
      [
        'return ownerOf(atomics.load(region.i32, sliceWord(region, head, SliceWord.X_STATE))) === ownerSlot;',
        'return ownerOf(atomics.load(region.i32, sliceWord(region, head, SliceWord.X_STATE))) >= 0;',
      ],
    ],
    by: 'transfers-of-the-departed-come-home',
  },
  {
    name: 'transfer-of-a-former-life',
    about: "a worker takes out of its transfer slot what was meant for the slot's former holder",
    file: CACHE,
    edits: [
      [
        'if (granule === 0 || !isOwnBlock(owner, granule, classId) || !takeRemote(region, granule)) continue;',
        'if (granule === 0 || !takeRemote(region, granule)) continue;',
      ],
    ],
    by: 'transfer-slot-of-a-former-life',
  },
  {
    name: 'aligned-blocks-of-any-class',
    about: 'aligned requests are served from the smallest class that is large enough',
    file: CLASSES,
    edits: [[`  while (classId <= Classes.COUNT && CLASS_BYTES[classId] % alignment !== 0) classId++;\n`, '']],
    by: 'test/heap/alignment.test.ts',
  },
  {
    name: 'class-too-small',
    about: 'sizes just above a class are served from it',
    file: CLASSES,
    edits: [
      [
        'while (CLASS_BYTES[classId] < granules * Geometry.GRANULE_BYTES) classId++;',
        'while (CLASS_BYTES[classId] < (granules - 1) * Geometry.GRANULE_BYTES) classId++;',
      ],
    ],
    by: 'test/unit/classes.test.ts',
  },
];
