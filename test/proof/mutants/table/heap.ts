import type { Mutant } from '../mutant.js';

const HEAP = 'src/heap/heap.ts';
const BLOCKS = 'src/heap/blocks.ts';
const FAST = 'src/heap/fast.ts';
const ALLOCATE = 'src/heap/allocate.ts';
const FREE = 'src/heap/free.ts';
const BYTES = 'src/heap/bytes.ts';
const REALLOCATE = 'src/heap/reallocate.ts';
const VALIDATE = 'src/heap/validate.ts';

/** What users call: the fast path, sizes, zeroing, realloc, refusals. */
export const heapMutants: readonly Mutant[] = [
  {
    name: 'double-free-in-the-fast-path',
    about: 'the fast path of free does not look whether the block is live',
    file: FAST,
    edits: [['if ((live & ~words[at + 1] & bit) !== 0 && count', 'if ((live & ~words[at + 1] & bit) !== 1 && count']],
    by: 'test/heap/misuse-free.test.ts',
  },
  {
    name: 'remote-free-unseen-by-the-owner',
    about: 'the owner can free a block that another worker has freed already',
    file: FAST,
    edits: [['if ((live & ~words[at + 1] & bit) !== 0 && count', 'if ((live & bit) !== 0 && count']],
    by: 'test/misuse/catalogue.test.ts',
  },
  {
    name: 'size-wraps-in-the-fast-path',
    about: 'sizes are taken modulo 2^32: negative and huge ones get a small block',
    file: FAST,
    edits: [['if (size !== bytes || size > gate[Gate.BYTES]) return 0;', 'if (size > gate[Gate.BYTES]) return 0;']],
    by: 'test/misuse/catalogue.test.ts',
  },
  {
    name: 'realloc-of-a-block-freed-elsewhere',
    about: 'realloc in the fast path moves a block that another worker has freed already',
    file: FAST,
    edits: [
      ['return (words[at] & ~words[at + 1] & (1 << granule)) === 0', 'return (words[at] & (1 << granule)) === 0'],
    ],
    by: 'test/heap/misuse-remote.test.ts',
  },
  {
    name: 'realloc-keeps-what-is-too-small',
    about: 'realloc in the fast path leaves every block where it is',
    file: BLOCKS,
    edits: [['if (keepsPlace(have, bytes)) return address;', 'return address;']],
    by: 'test/heap/realloc.test.ts',
  },
  {
    name: 'cache-overflows',
    about: 'the fast path pushes freed blocks over the end of a full stack',
    file: FAST,
    edits: [[' && count < words[cache + CacheWord.CAPACITY]) {', ' && count <= words[cache + CacheWord.CAPACITY]) {']],
    by: 'test/heap/basics.test.ts',
  },
  {
    name: 'aligned-calloc-not-zeroed',
    about: 'calloc with an alignment leaves what was there before',
    file: BLOCKS,
    edits: [
      [
        'zeroBlock(region, address, bytes);\n    return address;',
        'if (alignment === undefined) zeroBlock(region, address, bytes);\n    return address;',
      ],
    ],
    by: 'test/heap/alignment.test.ts',
  },
  {
    name: 'grown-part-not-zeroed',
    about: 'elements that resize adds are not zero',
    file: 'src/heap/resize.ts',
    edits: [['zeroTail(region, tail, moved + bytes);\n', ';\n']],
    by: 'test/heap/views.test.ts',
  },
  {
    name: 'view-of-another-length',
    about: 'a view is reused for an array of another length',
    file: 'src/heap/known-views.ts',
    edits: [[' && lengths[place] === length', '']],
    by: 'test/heap/known-views.test.ts',
  },
  {
    name: 'view-of-another-type',
    about: 'a view is reused for an array of another type',
    file: 'src/heap/known-views.ts',
    edits: [[' && types[place] === type', '']],
    by: 'test/heap/known-views.test.ts',
  },
  {
    name: 'view-of-the-buffer-before',
    about: 'a view made before the region grew is reused',
    file: 'src/heap/known-views.ts',
    edits: [['isKnown && buffer === region.buffer', 'isKnown']],
    by: 'test/heap/known-views.test.ts',
  },
  {
    name: 'view-known-by-its-offset',
    about: 'free takes a view of other memory that begins at the same offset',
    file: 'src/heap/known-views.ts',
    edits: [
      [
        'return views[placeOf(address)] === view ? address : 0;',
        'return views[placeOf(address)] === undefined ? 0 : address;',
      ],
    ],
    by: 'test/heap/known-views.test.ts',
  },
  {
    name: 'batch-not-undone',
    about: 'mallocMany keeps the blocks it got when there is no room for all',
    file: 'src/heap/batch.ts',
    edits: [['    for (let i = 0; i < made; i++) free(list[i]);\n', '']],
    by: 'test/heap/basics.test.ts',
  },
  {
    name: 'detached-but-fast',
    about: 'the fast path of a detached heap goes on',
    file: HEAP,
    edits: [['    attachment.closeFastPath();\n    this.watches.stop();\n', '    this.watches.stop();\n']],
    by: 'test/heap/detached.test.ts',
  },
  {
    name: 'view-past-the-end',
    about: 'a view may reach beyond the end of the region',
    file: 'src/heap/views.ts',
    edits: [['address + bytes <= region.addressOf(region.limit);', 'address <= region.addressOf(region.limit);']],
    by: 'test/heap/views.test.ts',
  },
  {
    name: 'class-by-32-bits',
    about: 'the slow path takes sizes modulo 2^32 to find the class',
    file: ALLOCATE,
    edits: [
      [
        'return bytes <= Geometry.SLAB_BLOCK_MAX_BYTES ? CLASS_OF[(bytes + 15) >>> 4] : 0;',
        'return bytes >>> 0 <= Geometry.SLAB_BLOCK_MAX_BYTES ? CLASS_OF[((bytes >>> 0) + 15) >>> 4] : 0;',
      ],
    ],
    by: 'test/heap/realloc.test.ts',
  },
  {
    name: 'span-not-aligned',
    about: 'spans ignore the alignment asked for',
    file: ALLOCATE,
    edits: [
      [
        'const alignedSlices = Math.max(1, alignment / Geometry.SLICE_BYTES);',
        'const alignedSlices = Math.min(1, alignment / Geometry.SLICE_BYTES);',
      ],
    ],
    by: 'test/heap/alignment.test.ts',
  },
  {
    name: 'never-trims',
    about: 'classes that were busy once keep their memory while others grow',
    file: ALLOCATE,
    edits: [['slices.committedSlices < owner.trimAtSlices', 'slices.committedSlices >= 0']],
    by: 'test/heap/committed.test.ts',
  },
  {
    name: 'gives-up-too-early',
    about: 'a full heap does not take the slabs of workers that left',
    file: ALLOCATE,
    edits: [['  adoptAll(owner);\n', '']],
    by: 'test/unit/reclaim.test.ts',
  },
  {
    name: 'overflow-not-repaired',
    about: 'the books are not repaired after a stack overflow cut a call short',
    file: ALLOCATE,
    edits: [['  repairBooks(owner);\n', '']],
    by: 'test/heap/overflow.test.ts',
  },
  {
    name: 'double-free-in-the-slow-path',
    about: 'the slow path of free takes a free block for a live one',
    file: FREE,
    edits: [
      [
        "if (kind !== 'block' && kind !== 'span') throw",
        "if (kind !== 'block' && kind !== 'span' && kind !== 'free') throw",
      ],
    ],
    by: 'test/heap/misuse-free.test.ts',
  },
  {
    name: 'poisoned-before-it-is-checked',
    about: 'a free that is refused has already filled the block with the pattern of freed memory',
    file: FREE,
    edits: [
      [
        `  const kind = classify(region, address);
  if (kind`,
        `  const kind = classify(region, address);
  if (owner.settings.poison === 1 && kind !== 'wild') region.u8.fill(FREED_BYTE, address as number, (address as number) + 16);
  if (kind`,
      ],
    ],
    by: 'test/heap/misuse-free.test.ts',
  },
  {
    name: 'spill-forgotten',
    about: 'a block is pushed on a stack that is full',
    file: FREE,
    edits: [
      [
        '>= i32[cache + CacheWord.CAPACITY]) spill(owner, classId);',
        '> i32[cache + CacheWord.CAPACITY]) spill(owner, classId);',
      ],
    ],
    by: 'test/unit/churn.test.ts',
  },
  {
    name: 'last-word-not-zeroed',
    about: 'calloc leaves the bytes behind the last multiple of 8',
    file: BYTES,
    edits: [['((bytes + 7) >>> 3)', '(bytes >>> 3)']],
    by: 'test/heap/basics.test.ts',
  },
  {
    name: 'copy-into-short-views',
    about: 'realloc copies by views that end before memory another worker added',
    file: BYTES,
    edits: [['  if (region.isStale()) region.renew();\n', '']],
    by: 'test/heap/growth.test.ts',
  },
  {
    name: 'copy-past-the-end',
    about: 'realloc to a smaller size copies the whole old block over the neighbour of the new one',
    file: REALLOCATE,
    edits: [
      [
        'moveBlock(free, region, address, moved, Math.min(have, bytes))',
        'moveBlock(free, region, address, moved, have)',
      ],
    ],
    by: 'test/heap/realloc.test.ts',
  },
  {
    name: 'freed-before-it-is-copied',
    about: 'realloc frees the old block before it has copied it',
    file: REALLOCATE,
    edits: [
      [
        `  copyBlock(region, from, to, bytes);\n  try {\n    free(from);`,
        `  try {\n    free(from);\n    copyBlock(region, from, to, bytes);`,
      ],
    ],
    by: 'test/heap/handover.test.ts',
  },
  {
    name: 'shrinking-needs-room',
    about: 'realloc to a smaller size fails when there is no room for a second block',
    file: REALLOCATE,
    edits: [['if (moved === 0 && bytes > have) return 0;', 'if (moved === 0) return 0;']],
    by: 'test/heap/realloc.test.ts',
  },
  {
    name: 'new-block-lost-to-a-mistake',
    about: 'realloc of a block that another worker frees meanwhile leaves the new block behind',
    file: REALLOCATE,
    edits: [['    free(to);\n', '']],
    by: 'moving-against-free',
  },
  {
    name: 'fractions-are-sizes',
    about: 'sizes that are no integers are taken',
    file: VALIDATE,
    edits: [
      [
        "if (typeof bytes === 'number' && Number.isInteger(bytes) && bytes >= 0) return;",
        "if (typeof bytes === 'number' && Number.isFinite(bytes) && bytes >= 0) return;",
      ],
    ],
    by: 'test/misuse/catalogue.test.ts',
  },
  {
    name: 'negative-sizes',
    about: 'negative sizes are taken',
    file: VALIDATE,
    edits: [
      [
        "if (typeof bytes === 'number' && Number.isInteger(bytes) && bytes >= 0) return;",
        "if (typeof bytes === 'number' && Number.isInteger(bytes)) return;",
      ],
    ],
    by: 'test/misuse/catalogue.test.ts',
  },
];
