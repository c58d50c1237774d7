import type { Mutant } from '../mutant.js';

const SLICES = 'src/pages/slices.ts';
const SPANS = 'src/pages/spans.ts';
const DESCRIPTOR = 'src/pages/descriptor.ts';

/** Slices, spans, descriptors and the journal. */
export const pagesMutants: readonly Mutant[] = [
  {
    name: 'claim-by-load-and-store',
    about: 'a word of the bitmap is loaded and stored: two workers claim the same slices',
    file: SLICES,
    edits: [
      [
        `    const before = atomics.compareExchange(i32, index, word, word | mask);
    if (before === word) return true;
    word = before;`,
        `    atomics.store(i32, index, word | mask);
    return true;`,
      ],
    ],
    by: 'claim-against-claim',
  },
  {
    name: 'release-by-load-and-store',
    about: 'a word of the bitmap is loaded and stored when slices go back: claims made in between are undone',
    file: SLICES,
    edits: [
      [
        'atomics.and(region.i32, region.bitmap + (at >>> 5), ~maskOf(at & 31, inWord));',
        `const word = region.bitmap + (at >>> 5);
    atomics.store(region.i32, word, atomics.load(region.i32, word) & ~maskOf(at & 31, inWord));`,
      ],
    ],
    by: 'collect-against-collect',
  },
  {
    name: 'journal-not-opened',
    about: 'slices are claimed without a journal: who dies before publishing them takes them along',
    file: SLICES,
    edits: [[`    this.open(start, count);\n    for (let at`, `    for (let at`]],
    by: 'claim-against-claim!',
  },
  {
    name: 'journal-opened-after-the-bits',
    about: 'the journal is opened when the slices are claimed already',
    file: SLICES,
    edits: [
      [`    this.open(start, count);\n    for (let at`, `    for (let at`],
      [`    this.countCommitted(count);\n`, `    this.open(start, count);\n    this.countCommitted(count);\n`],
    ],
    by: 'claim-against-claim!',
  },
  {
    name: 'journal-closed-before-the-bits-are-cleared',
    about: 'slices go back after the journal is closed: who dies in between takes them along',
    file: SLICES,
    edits: [
      [`    clearBits(this.region, start, count);\n`, `    this.close();\n    clearBits(this.region, start, count);\n`],
    ],
    by: 'collect-against-collect!',
  },
  {
    name: 'partial-claim-not-undone',
    about: 'a run of which only the first part could be claimed is not given back',
    file: SLICES,
    edits: [[`        clearBits(region, start, at - start);\n`, '']],
    by: 'claim-across-words-against-claim',
  },
  {
    name: 'search-past-the-limit',
    about: 'slices beyond the end of what exists are claimed',
    file: SLICES,
    edits: [[`        if (word * 32 + 32 > limit) free &= maskOf(0, limit - word * 32);\n`, '']],
    by: 'growth-against-growth',
  },
  {
    name: 'growth-in-place-past-the-limit',
    about: 'a span grows in place over the end of what exists',
    file: SLICES,
    edits: [
      [
        `    if (start + count > atomics.load(this.region.i32, this.region.header + HeaderWord.X_LIMIT)) return false;\n`,
        '',
      ],
    ],
    by: 'test/unit/spans.test.ts',
  },
  {
    name: 'aligned-run-too-short',
    about: 'a run is measured from where it is free, not from where it is aligned',
    file: SLICES,
    edits: [
      [
        'if (slice - aligned < count || length >= bestLength) continue;',
        'if (length < count || length >= bestLength) continue;',
      ],
    ],
    by: 'test/unit/slices.test.ts',
  },
  {
    name: 'journals-of-the-living-ignored',
    about: 'recovery gives back slices that a living worker has claimed and not yet published',
    file: SLICES,
    edits: [[`    if (slice >= start && slice < start + count) return true;\n`, '']],
    by: 'claims-against-a-stale-journal',
  },
  {
    name: 'journal-frees-what-is-published',
    about: 'recovery gives back the slices of a slab that was published before its worker died',
    file: SLICES,
    edits: [
      [
        'if (!isClaimed(region, slice) || isPublished(region, slice)) continue;',
        'if (!isClaimed(region, slice)) continue;',
      ],
    ],
    by: 'claim-against-claim!',
  },
  {
    name: 'journals-seen-one-by-one',
    about: 'recovery believes journals that it read at different times',
    file: SLICES,
    edits: [
      [
        `  if (before.some((word, i) => word !== after[i])) return false;\n`,
        `  if (before.length !== after.length) return false;\n`,
      ],
    ],
    by: 'claims-against-a-stale-journal',
  },
  {
    name: 'journals-without-a-number',
    about: 'a journal that was closed and opened again for the same slices looks as if nothing had happened',
    file: SLICES,
    edits: [
      ['this.opened = (this.opened + JournalBits.NUMBER) | 0;', 'this.opened = this.opened & JournalBits.NUMBER;'],
    ],
    by: 'test/unit/journal.test.ts',
  },
  {
    name: 'the-dead-wait-for-each-other',
    about: 'two dead workers with the same slices in their journals are never reclaimed',
    file: SLICES,
    edits: [
      ['if (slot === deadSlot || yieldsTo(region, slot, deadSlot)) continue;', 'if (slot === deadSlot) continue;'],
    ],
    by: 'test/unit/reclaim.test.ts',
  },
  {
    name: 'committed-not-given-back',
    about: 'released slices go on counting as committed',
    file: SLICES,
    edits: [['    this.countCommitted(-count);\n', '']],
    by: 'test/unit/slices.test.ts',
  },
  {
    name: 'size-truncated-to-32-bits',
    about: 'slices of a span are counted in 32 bits: 4 GiB and 100 bytes become 100 bytes',
    file: SPANS,
    edits: [
      [
        'Math.max(1, Math.ceil(bytes / Geometry.SLICE_BYTES))',
        'Math.max(1, (bytes + Geometry.SLICE_BYTES - 1) >> Geometry.SLICE_SHIFT)',
      ],
    ],
    by: 'test/heap/huge.test.ts',
  },
  {
    name: 'span-freed-by-load-and-store',
    about: 'a span is freed without being marked busy first: freed by two it is given back twice',
    file: SPANS,
    edits: [
      [
        `  if (atomics.compareExchange(i32, state, live, identity(Kind.SPAN_BUSY, slot)) !== live) return false;
  const count`,
        `  if (atomics.load(i32, state) !== live || slot === 0) return false;
  const count`,
      ],
    ],
    by: 'realloc-against-free',
  },
  {
    name: 'span-freed-by-a-stale-count',
    about: 'a span is as long as when somebody looked, not as when it was freed',
    file: SPANS,
    edits: [
      [
        `  if (atomics.compareExchange(i32, state, live, identity(Kind.SPAN_BUSY, slot)) !== live) return false;
  const count = spanSlices(region, start);
`,
        `  const count = spanSlices(region, start);
  if (atomics.compareExchange(i32, state, live, identity(Kind.SPAN_BUSY, slot)) !== live) return false;
`,
      ],
    ],
    by: 'realloc-against-free',
  },
  {
    name: 'span-without-a-journal',
    about: "a span is nobody's before the journal names its slices",
    file: SPANS,
    edits: [
      [
        `  slices.open(start, count);
  // From this store on the span is the journal's.
  atomics.store(i32, state, 0);
`,
        `  atomics.store(i32, state, 0);
  slices.open(start, count);
`,
      ],
    ],
    by: 'claim-against-merge!',
  },
  {
    name: 'span-resized-without-a-mark',
    about: 'a span is resized without being marked busy: a racing free returns slices that are then grown into',
    file: SPANS,
    edits: [
      [
        `  if (atomics.compareExchange(i32, state, live, identity(Kind.SPAN_BUSY, slot)) !== live) return false;
  const have`,
        `  if (atomics.load(i32, state) !== live || slot === 0) return false;
  const have`,
      ],
    ],
    by: 'realloc-against-free',
  },
  {
    name: 'tail-returned-before-the-count',
    about: 'a shrinking span gives its tail away while its length still covers it',
    file: SPANS,
    edits: [
      [
        `  atomics.store(region.i32, sliceWord(region, start, SliceWord.X_COUNT), count);
  fillMap(region, start + count, have - count, Kind.WAS | Kind.SPAN, 0);
  slices.release(start + count, have - count);`,
        `  slices.release(start + count, have - count);
  atomics.store(region.i32, sliceWord(region, start, SliceWord.X_COUNT), count);
  fillMap(region, start + count, have - count, Kind.WAS | Kind.SPAN, 0);`,
      ],
    ],
    by: 'shrinking-against-claim',
  },
  {
    name: 'tail-without-a-journal',
    about: 'the tail of a shrinking span is in no journal: who dies before it is returned takes it along',
    file: SPANS,
    edits: [[`  slices.open(start + count, have - count);\n`, '']],
    by: 'shrinking-against-claim!',
  },
  {
    name: 'longer-before-it-is-described',
    about: 'a growing span gets its new length before the map and the heads of the new slices are written',
    file: SPANS,
    edits: [
      [
        `  for (let slice = start + have; slice < start + count; slice++)
`,
        `  atomics.store(region.i32, sliceWord(region, start, SliceWord.X_COUNT), count);
  for (let slice = start + have; slice < start + count; slice++)
`,
      ],
    ],
    by: 'growth-in-place-against-claim!',
  },
  {
    name: 'busy-for-ever',
    about: 'a span whose worker died while resizing it stays busy: nobody can free it',
    file: SPANS,
    edits: [
      [
        '  if (kindOf(state) === Kind.SPAN_BUSY && ownerOf(state) === deadSlot)\n',
        '  if (kindOf(state) === Kind.SPAN && ownerOf(state) === deadSlot)\n',
      ],
    ],
    by: 'growth-in-place-against-claim!',
  },
  {
    name: 'views-too-short-for-a-span',
    about: 'a worker does not renew its views when it gets a span in memory that another one added',
    file: SPANS,
    edits: [
      [`  slices.close();\n  region.cover(start + count);\n  return start;`, `  slices.close();\n  return start;`],
    ],
    by: 'test/heap/growth.test.ts',
  },
  {
    name: 'published-before-it-is-described',
    about: 'a run is published before its map words, heads and length are written',
    file: DESCRIPTOR,
    edits: [
      [
        `  const { i32 } = region;\n  for (let slice`,
        `  const { i32 } = region;\n  atomics.store(i32, sliceWord(region, start, SliceWord.X_STATE), identity(kind, owner));\n  for (let slice`,
      ],
    ],
    by: 'claim-against-claim!',
  },
];
