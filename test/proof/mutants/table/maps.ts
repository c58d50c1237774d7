import type { Mutant } from '../mutant.js';

const STRIPE = 'src/collections/stripe.ts';
const KEYED = 'src/collections/keyed.ts';
const LRU = 'src/collections/lru-stripe.ts';

/** Maps and caches. */
export const mapMutants: readonly Mutant[] = [
  {
    name: 'map-replaced-untold',
    about: 'a value is replaced, and its block freed, without a word to those who read it',
    file: STRIPE,
    edits: [['    this.commit(this.slot, meta);\n    this.raise();\n', '    this.commit(this.slot, meta);\n']],
    by: 'map-text-freed-under-a-reader',
  },
  {
    name: 'map-replaced-in-place',
    about: 'a value is overwritten where readers look, and not stored beside it',
    file: STRIPE,
    edits: [['const meta = this.meta ^ MetaBits.SECOND;', 'const meta = this.meta;']],
    by: 'map-replaced-under-a-reader',
  },
  {
    name: 'map-removed-untold',
    about: 'an entry is removed without a word to those who read it: its slot is used again',
    file: STRIPE,
    edits: [['MetaBits.EMPTY : MetaBits.GONE);\n    this.raise();\n', 'MetaBits.EMPTY : MetaBits.GONE);\n']],
    by: 'map-slot-used-again-under-a-reader',
  },
  {
    name: 'map-table-freed-untold',
    about: 'a table is freed without a word to those who search it',
    file: STRIPE,
    edits: [['    this.raise();\n    this.dropTable(old);\n', '    this.dropTable(old);\n']],
    by: 'map-grows-under-a-reader',
  },
  {
    name: 'map-entry-before-its-value',
    about: 'an entry is committed before its value is stored',
    file: STRIPE,
    edits: [
      [
        '    this.fill(slot, slot + this.places, low, high);\n    this.commit(slot, MetaBits.FULL | (keys.hash & MetaBits.HASH));\n',
        '    this.commit(slot, MetaBits.FULL | (keys.hash & MetaBits.HASH));\n    this.fill(slot, slot + this.places, low, high);\n',
      ],
    ],
    by: 'map-two-writers!',
  },
  {
    name: 'map-repair-untold',
    about: 'who takes over from a dead writer does not raise the version in its place',
    file: STRIPE,
    edits: [['  protected repair(): void {\n    this.raise();\n', '  protected repair(): void {\n']],
    by: 'map-slot-of-a-dead-writer!',
  },
  {
    name: 'map-not-counted-again',
    about: 'entries are not counted after a death',
    file: STRIPE,
    edits: [['    this.dropTable(abandoned);\n    this.recount();\n', '    this.dropTable(abandoned);\n']],
    by: 'map-two-writers!',
  },
  {
    name: 'map-read-on-trust',
    about: 'a reader takes what it has copied for right',
    file: KEYED,
    edits: [['if (stripe.isStill()) return isFound;', 'return isFound;']],
    by: 'map-text-freed-under-a-reader',
  },
  {
    name: 'map-update-on-trust',
    about: 'an update stores its value whatever is there by now',
    file: STRIPE,
    edits: [
      [
        'if (only === Only.IF_SAME && !this.isSame(isFound, wasAt !== 0, oldLow, oldHigh, byVersion)) return false;',
        'void [wasAt, oldLow, oldHigh, byVersion];',
      ],
    ],
    by: 'map-update-by-two',
  },
  {
    name: 'map-second-maker-wins',
    about: 'getOrInsert replaces what another worker has put in meanwhile',
    file: STRIPE,
    edits: [['if (only === Only.IF_ABSENT && isFound) return false;', '']],
    by: 'map-get-or-insert-by-two',
  },
  {
    name: 'cache-order-not-rebuilt',
    about: 'after a death the links of a cache stay empty',
    file: LRU,
    edits: [['for (const slot of slots) this.linkFirst(slot);', '']],
    by: 'cache-uses-in-order!',
  },
  {
    name: 'cache-use-not-stamped',
    about: 'a use moves an entry in the links only, which a death destroys',
    file: LRU,
    edits: [
      ['    i32[slot + LruSlot.STAMP] = this.nextStamp();\n    this.unlink(slot);\n', '    this.unlink(slot);\n'],
    ],
    by: 'cache-uses-in-order',
  },
  {
    name: 'cache-evicts-what-it-replaces',
    about: 'the entry that is to be replaced may be the one that makes room for its new value',
    file: LRU,
    edits: [['if (isFound) this.touch(this.slot);', '']],
    by: 'test/collections/maps.test.ts',
  },
  {
    name: 'cache-evicts-the-newest',
    about: 'what was used last makes room',
    file: LRU,
    edits: [
      [
        'i32[this.word + LruStripeWord.LAST] - 1);\n    this.found',
        'i32[this.word + LruStripeWord.FIRST] - 1);\n    this.found',
      ],
    ],
    by: 'cache-use-against-an-eviction',
  },
  {
    name: 'cache-moved-without-links',
    about: 'the links of a table that is rebuilt are those of the old one',
    file: LRU,
    edits: [['      i32[to + LruSlot.OLDER] = newest;\n', '']],
    by: 'cache-peeked-into',
  },
];
