import type { Mutant } from '../mutant.js';

const RING = 'src/memory/ring.ts';
const ALLOCATION = 'src/learning/allocation.ts';
const MEMORY = 'src/learning/memory.ts';
const LEARNING = 'src/learning/learning.ts';

/** What watches a heap: trace rings, and the learners. */
export const learningMutants: readonly Mutant[] = [
  {
    name: 'drained-of-two-times',
    about: 'events that were copied while another worker drained the ring are handed on',
    file: RING,
    edits: [['  if (atomics.load(i32, ring + TraceRingWord.X_DRAINED) !== drained) return;\n', '']],
    by: 'test/unit/ring.test.ts',
  },
  {
    name: 'drained-backwards',
    about: 'who drains a ring stores how far it came, though another one has come further',
    file: RING,
    edits: [
      [
        'atomics.compareExchange(i32, ring + TraceRingWord.X_DRAINED, drained, written);',
        'atomics.store(i32, ring + TraceRingWord.X_DRAINED, written);',
      ],
    ],
    by: 'test/unit/ring.test.ts',
  },
  {
    name: 'event-published-before-it-is-written',
    about: 'a ring says that an event is there before its words are',
    file: RING,
    edits: [
      [
        '    const at = eventWord(region, ring, written);\n',
        '    const at = eventWord(region, ring, written);\n    atomics.store(i32, ring + TraceRingWord.X_WRITTEN, written + 1);\n',
      ],
    ],
    by: 'test/unit/ring.test.ts',
  },
  {
    name: 'move-recorded-with-its-free',
    about: 'the free within a realloc is recorded as one more free',
    file: RING,
    edits: [['    this.left = from === to ? 0 : from;\n', '    this.left = 0;\n']],
    by: 'test/heap/recording.test.ts',
  },
  {
    name: 'full-ring-drops-in-silence',
    about: 'events that find their ring full are not counted',
    file: RING,
    edits: [['      atomics.add(i32, ring + TraceRingWord.X_DROPPED, 1);\n', '']],
    by: 'test/unit/ring.test.ts',
  },
  {
    name: 'stacks-beyond-the-budget',
    about: 'a class grows into what all stacks together may not hold',
    file: ALLOCATION,
    edits: [['(this.budgetBytes - this.bytes) / CLASS_BYTES', 'this.budgetBytes / CLASS_BYTES']],
    by: 'test/unit/learning.test.ts',
  },
  {
    name: 'idle-class-keeps-its-stack',
    about: 'a class that is used no more keeps what it has learned to hold',
    file: ALLOCATION,
    edits: [['((clock - last) | 0) > IDLE_REFILLS', '((clock - last) | 0) > IDLE_REFILLS * IDLE_REFILLS']],
    by: 'test/unit/learning.test.ts',
  },
  {
    name: 'learner-reopens-a-closed-stack',
    about: 'a learner raises the stack of a worker that is reclaimed by hand at that moment',
    file: LEARNING,
    edits: [
      [
        'if (atomics.compareExchange(i32, cache + CacheWord.CAPACITY, before, wanted) !== before) return;',
        'atomics.store(i32, cache + CacheWord.CAPACITY, wanted);',
      ],
    ],
    by: 'test/unit/learning.test.ts',
  },
  {
    name: 'slabs-kept-that-only-come',
    about: 'a class keeps one more empty slab though none was given back and made again',
    file: MEMORY,
    edits: [['this.made[classId] + this.returned[classId] === 2', 'this.made[classId] + this.returned[classId] >= 1']],
    by: 'test/unit/learning.test.ts',
  },
];
