import type { Mutant } from '../mutant.js';

const DEBUG = 'src/heap/debug.ts';
const ALLOCATE = 'src/heap/allocate.ts';
const LEAKS = 'src/heap/leaks.ts';
const SLAB = 'src/slabs/slab.ts';
const ADOPT = 'src/registry/adopt.ts';
const TRAILER = 'src/debug/trailer.ts';
const QUARANTINE = 'src/debug/quarantine.ts';

/** What finds mistakes: trailers, claims, filling, quarantine, leaks. */
export const debugMutants: readonly Mutant[] = [
  {
    name: 'freed-by-two-at-once',
    about: 'whoever frees a block goes on, though another worker is in the middle of freeing it',
    file: DEBUG,
    edits: [['if (isOther && !this.isBareSpan(address)) throw', 'if (isOther && this.isBareSpan(address)) throw']],
    by: 'test/debug/after-free.test.ts',
  },
  {
    name: 'block-of-a-dead-freer-stays',
    about: 'a block that a worker was freeing when it was killed can never be freed',
    file: DEBUG,
    edits: [['freer < 0 && freer !== -workerId && isAttached(region, -freer);', 'freer < 0 && freer !== -workerId;']],
    by: 'test/debug/after-free.test.ts',
  },
  {
    name: 'claim-kept-by-a-free-cut-short',
    about: 'a free that did not come to its end keeps the block from other workers',
    file: DEBUG,
    edits: [
      [
        '      if (this.isFull) swapFreer(region, at, size, -owner.workerId, freer);\n      throw error;',
        '      throw error;',
      ],
    ],
    by: 'test/debug/cut-short.test.ts',
  },
  {
    name: 'carved-over-blocks-as-they-were-left',
    about: 'a slab is stamped while the map still says what lay there before',
    file: SLAB,
    edits: [['  forgetRun(region, head, count);\n', '']],
    by: 'test/debug/cut-short.test.ts',
  },
  {
    name: 'bare-span-believed',
    about: 'what lies at the end of a span is taken for its trailer before it has one',
    file: ALLOCATE,
    edits: [['owner.settings.headers === Headers.FULL ? -owner.workerId : owner.workerId', 'owner.workerId']],
    by: 'test/debug/cut-short.test.ts',
  },
  {
    name: 'zeros-taken-for-no-trailer',
    about: 'a trailer that was zeroed is taken for one that was never written',
    file: DEBUG,
    edits: [
      ['isFreed(state) || state === Fill.UNENTERED ||', 'isFreed(state) || state === Fill.UNENTERED || state === 0 ||'],
    ],
    by: 'test/debug/overrun.test.ts',
  },
  {
    name: 'first-byte-behind-unseen',
    about: 'a write of the first byte behind what was asked for is not seen',
    file: TRAILER,
    edits: [
      [
        'return damageIn(region, address + bytes, address + blockBytes - TRAILER_BYTES, Fill.SLACK);',
        'return damageIn(region, address + bytes + 1, address + blockBytes - TRAILER_BYTES, Fill.SLACK);',
      ],
    ],
    by: 'test/debug/overrun.test.ts',
  },
  {
    name: 'reuse-without-a-look',
    about: 'a block written after it was freed is handed out again and nothing said',
    file: DEBUG,
    edits: [["    if (this.isFull && !isSpan) this.lookAtFreed(address, size, 'when it was handed out again');\n", '']],
    by: 'test/debug/after-free.test.ts',
  },
  {
    name: 'stale-view-frees-what-lies-there',
    about: 'a view of a block that was freed frees the block that lies there now',
    file: DEBUG,
    edits: [['    if (serial === history.serial &&', '    if (serial !== -1 &&']],
    by: 'test/debug/after-free.test.ts',
  },
  {
    name: 'adopted-blocks-unfilled',
    about: 'what came with a slab of a worker that left looks as that one left it',
    file: ADOPT,
    edits: [['    if (!isLive) fillAdopted(', '    if (isLive && block > capacity) fillAdopted(']],
    by: 'test/debug/after-free.test.ts',
  },
  {
    name: 'quarantine-holds-the-newest',
    about: 'the block freed last leaves the quarantine first',
    file: QUARANTINE,
    edits: [
      [
        '    const granule = this.granules[this.first];\n',
        '    const granule = this.granules[(this.first + this.count - 1) % CAPACITY_BLOCKS];\n',
      ],
    ],
    by: 'test/debug/after-free.test.ts',
  },
  {
    name: 'leaks-by-owner-of-the-slab',
    about: 'leaks are put down to who owns the memory now, not to who allocated',
    file: LEAKS,
    edits: [['const workerId = allocatedBy ?? owner;', 'const workerId = owner;']],
    by: 'test/debug/leaks.test.ts',
  },
  {
    name: 'leaks-of-others-reported',
    about: 'a worker that leaves reports what all workers still hold',
    file: LEAKS,
    edits: [['const leaks = this.isCreator ? all :', 'const leaks = this.isCreator || all.length > 0 ? all :']],
    by: 'test/debug/leaks.test.ts',
  },
];
