import type { Mutant } from '../mutant.js';

const VECTOR = 'src/collections/vector.ts';
const BYTES = 'src/collections/byte-string.ts';
const TEXTS = 'src/collections/texts.ts';
const QUEUE = 'src/collections/priority-queue.ts';
const CHUNKS = 'src/collections/chunks.ts';

const vectorMutants: readonly Mutant[] = [
  {
    name: 'length-before-the-element',
    about: 'a push is committed before its element is there',
    file: VECTOR,
    edits: [
      ['          this.elements.store(length);\n          // Commits', '          // Commits'],
      [
        'this.store(VectorWord.X_LENGTH, length + 1);\n          isStored = true;',
        'this.store(VectorWord.X_LENGTH, length + 1);\n          this.elements.store(length);\n          isStored = true;',
      ],
    ],
    by: 'vector-pushed-by-two!',
  },
  {
    name: 'freed-under-readers',
    about: 'readers without the lock are not told that an element was taken off before it is freed',
    file: VECTOR,
    edits: [
      [
        '    // Before what was taken off is freed, or its place has other words.\n    this.raise();',
        '    // Before what was taken off is freed, or its place has other words.',
      ],
    ],
    by: 'vector-of-texts-under-readers',
  },
  {
    name: 'read-and-believed',
    about: 'who reads without the lock does not look whether somebody changed it meanwhile',
    file: VECTOR,
    edits: [['if (this.isStill(pairs, version)) return value;', 'if (version !== -1) return value;']],
    by: 'vector-of-texts-under-readers',
  },
  {
    name: 'halves-of-two-values',
    about: 'an element is replaced without a mark that it is being replaced',
    file: VECTOR,
    edits: [['const odd = this.load(VectorWord.X_VERSION) | 1;', 'const odd = this.load(VectorWord.X_VERSION);']],
    by: 'vector-set-under-readers',
  },
  {
    name: 'setting-left-unfinished',
    about: 'what a worker that died had begun to replace stays half replaced',
    file: VECTOR,
    edits: [['if (this.load(VectorWord.X_SETTING) !== 0) this.finishSetting(pairs);', '']],
    by: 'vector-set-under-readers!',
  },
  {
    name: 'staged-texts-forgotten',
    about: 'a worker dies in pushMany, and what it had allocated is not freed',
    file: VECTOR,
    edits: [['    this.unstage();\n    // Who died', '    // Who died']],
    by: 'vector-of-texts-pushed-many!',
  },
  {
    name: 'staged-too-late',
    about: 'pushMany says what it has allocated at the end instead of each time',
    file: VECTOR,
    edits: [
      [
        'if (this.isOwning()) this.store(VectorWord.STAGED, length + i + 1);',
        'if (i === all.length - 1) this.store(VectorWord.STAGED, length + i + 1);',
      ],
    ],
    by: 'vector-of-texts-pushed-many!',
  },
  {
    name: 'no-room-no-undo',
    about: 'a text that found no room is encoded once more, and the first copy is not freed',
    file: VECTOR,
    edits: [
      [
        'if (!isStored && pairs !== undefined) pairs',
        'if (isStored && pairs !== undefined && pairs.bytes === 0) pairs',
      ],
    ],
    by: 'vector-pushed-by-two',
  },
  {
    name: 'block-for-a-block-that-is-there',
    about: 'two workers that find no room each add a block, and the second one takes the place of the first',
    file: CHUNKS,
    edits: [
      [
        '    if (this.startOf(last) !== 0) return;\n    for (let chunk = this.count(); chunk <= last; chunk++)',
        '    for (let chunk = last; chunk <= last; chunk++)',
      ],
    ],
    by: 'vector-pushed-by-two',
  },
];

const byteMutants: readonly Mutant[] = [
  {
    name: 'end-read-before-the-lock',
    about: 'two appends go to the same place',
    file: BYTES,
    edits: [
      ["    this.enter('append');", "    const length = this.count();\n    this.enter('append');"],
      ['      const length = this.count();\n      this.chunks.reserve', '      this.chunks.reserve'],
    ],
    by: 'byte-string-appended-by-two',
  },
  {
    name: 'append-in-two-stores',
    about: 'the first half of an append is there before the second',
    file: BYTES,
    edits: [
      [
        '      // Commits, and publishes the bytes',
        '      atomics.store(this.views.i32, this.word + ByteStringWord.X_LENGTH, end - 1);\n      // Commits, and publishes the bytes',
      ],
    ],
    by: 'byte-string-appended-by-two',
  },
  {
    name: 'view-over-the-end-of-a-block',
    about: 'a view begins where its block does, whatever was asked for',
    file: BYTES,
    edits: [['.subarray(index - base, last - base)', '.subarray(0, last - base)']],
    by: 'byte-string-appended-by-two',
  },
  {
    name: 'room-for-one-less',
    about: 'an append makes room for what was there, not for what comes',
    file: BYTES,
    edits: [["this.chunks.reserve('append', length + added);", "this.chunks.reserve('append', length);"]],
    by: 'byte-string-appended-by-two',
  },
  {
    name: 'copied-to-the-start-of-a-block',
    about: 'what crosses into a block that has bytes is written over them',
    file: BYTES,
    edits: [['.set(part, offset);', '.set(part, done === 0 ? 0 : offset);']],
    by: 'byte-string-appended-by-two',
  },
];

const textMutants: readonly Mutant[] = [
  {
    name: 'counted-before-entered',
    about: 'a text is committed before it can be found: after a death it gets another number',
    file: TEXTS,
    edits: [
      [
        '    // Who finds it in the table',
        '    this.store(TextsWord.X_COUNT, number + 1);\n    // Who finds it in the table',
      ],
      [', number + 1);\n    this.store(TextsWord.X_COUNT, number + 1);\n  }', ', number + 1);\n  }'],
    ],
    by: 'texts-interned-by-two!',
  },
  {
    name: 'not-looked-for-again',
    about: 'a text that another worker has added meanwhile is added once more',
    file: TEXTS,
    edits: [
      [
        'let number = this.find(this.load(TextsWord.X_TABLE), hash, bytes);\n        const next',
        'let number = -1;\n        const next',
      ],
    ],
    by: 'texts-interned-by-two',
  },
  {
    name: 'table-freed-in-silence',
    about: 'who has searched a table in vain is not told that it was freed',
    file: TEXTS,
    edits: [['          this.store(TextsWord.X_VERSION, this.load(TextsWord.X_VERSION) + 1);\n', '']],
    by: 'texts-while-the-table-grows',
  },
  {
    name: 'told-after-the-free',
    about: 'a table is freed before those that search it are told',
    file: TEXTS,
    edits: [
      ['          this.store(TextsWord.X_VERSION, this.load(TextsWord.X_VERSION) + 1);\n', ''],
      [
        '      heap.free((unused & -TABLE_ALIGNMENT) >>> 0);',
        '      heap.free((unused & -TABLE_ALIGNMENT) >>> 0);\n      this.store(TextsWord.X_VERSION, this.load(TextsWord.X_VERSION) + 1);',
      ],
    ],
    by: 'texts-while-the-table-grows',
  },
  {
    name: 'absence-believed',
    about: 'what was not found is not there, whatever happened to the table meanwhile',
    file: TEXTS,
    edits: [
      ['if (this.load(TextsWord.X_VERSION) === version) return undefined;', 'if (version !== -1) return undefined;'],
    ],
    by: 'texts-while-the-table-grows',
  },
  {
    name: 'latecomers-not-listed',
    about: 'texts that were added while a larger table was filled are not in it',
    file: TEXTS,
    edits: [['          this.list(table, count, this.load(TextsWord.X_COUNT));\n', '']],
    by: 'texts-grown-by-two',
  },
  {
    name: 'table-replaced-twice',
    about: 'a worker replaces a table that another one has replaced before',
    file: TEXTS,
    edits: [['if (this.load(TextsWord.X_TABLE) === old) {', 'if (table !== old) {']],
    by: 'texts-grown-by-two',
  },
  {
    name: 'found-before-it-is-there',
    about: 'a number that is not committed is handed out',
    file: TEXTS,
    edits: [['if (number < count && this.isText', 'if (number < count + 1 && this.isText']],
    by: 'texts-interned-by-two',
  },
];

const queueMutants: readonly Mutant[] = [
  {
    name: 'state-before-the-value',
    about: 'a push is committed before its slot is written',
    file: QUEUE,
    edits: [
      ['          this.write(slot, priority, low, high);\n          // Commits.', '          // Commits.'],
      ['X_STATE, 1);\n', 'X_STATE, 1);\n          this.write(slot, priority, low, high);\n'],
    ],
    by: 'priority-queue-by-two!',
  },
  {
    name: 'pop-without-a-commit',
    about: 'what was popped is back after a death',
    file: QUEUE,
    edits: [['    atomics.store(i32, slot + SlotWord.X_STATE, 0);\n', '']],
    by: 'priority-queue-by-two!',
  },
  {
    name: 'order-left-as-it-was-found',
    about: 'after a death the slots are collected, and no heap is made of them',
    file: QUEUE,
    edits: [
      [
        'for (let place = (count >>> 1) - 1; place >= 0; place--) this.descend',
        'for (let place = -1; place >= 0; place--) this.descend',
      ],
    ],
    by: 'priority-queue-by-two!',
  },
  {
    name: 'count-left-as-it-was-found',
    about: 'after a death the number of elements is what it was',
    file: QUEUE,
    edits: [['    this.setPushed(pushed);\n    this.setCount(count);\n', '    this.setPushed(pushed);\n']],
    by: 'priority-queue-by-two!',
  },
  {
    name: 'turns-begin-anew',
    about: 'after a death what is pushed comes before what was there with the same priority',
    file: QUEUE,
    edits: [['    this.setPushed(pushed);\n    this.setCount', '    this.setPushed(0);\n    this.setCount']],
    by: 'priority-queue-first-in-first-out!',
  },
  {
    name: 'equal-is-equal',
    about: 'of equal priorities any may come first',
    file: QUEUE,
    edits: [['return a < b || (a === b && ', 'return a < b || (a !== a && ']],
    by: 'priority-queue-first-in-first-out',
  },
  {
    name: 'slot-not-given-back',
    about: 'the slot of what was popped is used by two, or by none',
    file: QUEUE,
    edits: [['    this.seat(count - 1, slot);\n    if (count > 1)', '    if (count > 1)']],
    by: 'priority-queue-by-two',
  },
  {
    name: 'smaller-child-not-looked-for',
    about: 'on its way down an element is compared with its left child only',
    file: QUEUE,
    edits: [['if (child + 1 < count) {', 'if (child + 1 < 0) {']],
    by: 'priority-queue-popped-by-two',
  },
];

/** Vector, byte string, interned texts, priority queue. */
export const listMutants: readonly Mutant[] = [...vectorMutants, ...byteMutants, ...textMutants, ...queueMutants];
