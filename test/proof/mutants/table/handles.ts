import type { Mutant } from '../mutant.js';

const TABLE = 'src/heap/handle-table.ts';
const LIST = 'src/heap/subheap-list.ts';
const SHARING = 'src/heap/sharing.ts';

/** What workers share by handle: the table, the holders, sub-heaps. */
export const handleMutants: readonly Mutant[] = [
  {
    name: 'shared-record-taken-twice',
    about: 'two workers that take a record of the handle table at once both get it',
    file: TABLE,
    edits: [
      [
        'if ((atomics.or(i32, taken + word, 1 << bit) & (1 << bit)) !== 0) continue;',
        'atomics.or(i32, taken + word, 1 << bit);',
      ],
    ],
    by: 'records-at-once',
  },
  {
    name: 'shared-handle-of-any-generation',
    about: 'a stale handle names what has its record now',
    file: TABLE,
    edits: [
      [
        'return isSame && holdersOf(state) > 0 ? state : undefined;',
        'return isSame || holdersOf(state) > 0 ? state : undefined;',
      ],
    ],
    by: 'stale-handle-against-reuse',
  },
  {
    name: 'shared-drop-taken-from-the-living',
    about: 'who collects goes on with a drop that another worker is at',
    file: TABLE,
    edits: [['if (!isFree || !isGone ||', 'if (!isGone ||']],
    by: 'drop-against-collect',
  },
  {
    name: 'shared-drop-of-the-dead-left',
    about: 'a drop whose worker was killed is never finished',
    file: TABLE,
    edits: [['dropper === mine || this.isDead(dropper);', 'dropper === mine;']],
    by: 'drop-by-two!',
  },
  {
    name: 'shared-list-stays-open',
    about: 'blocks are put into a list that has been dropped',
    file: LIST,
    edits: [['atomics.or(region.i32, word, TopBits.CLOSED);', 'atomics.load(region.i32, word);']],
    by: 'allocation-against-drop',
  },
  {
    name: 'shared-block-linked-by-a-store',
    about: 'of two blocks put into a sub-heap at once one is lost',
    file: LIST,
    edits: [
      [
        'if (atomics.compareExchange(i32, word, top, block | 0) === top) return true;',
        'atomics.store(i32, word, block | 0);\n      return true;',
      ],
    ],
    by: 'allocations-at-once-in-a-subheap',
  },
  {
    name: 'shared-struct-freed-without-what-it-owns',
    about: 'the last release of a struct frees its block alone',
    file: SHARING,
    edits: [['if (named?.freer === undefined) this.free(block);', 'if (handle !== undefined) this.free(block);']],
    by: 'test/structs/sharing.test.ts',
  },
  {
    name: 'shared-hold-before-the-type-is-known',
    about: 'a hold on what this thread can not open stays counted for ever',
    file: SHARING,
    edits: [["this.namedType('hold', this.present('hold', handle).type);", "this.present('hold', handle);"]],
    by: 'test/structs/sharing.test.ts',
  },
];
