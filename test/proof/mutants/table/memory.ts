import type { Mutant } from '../mutant.js';

const REGION = 'src/memory/region.ts';
const CREATE = 'src/memory/create.ts';

/** Growth, views, tokens. */
export const memoryMutants: readonly Mutant[] = [
  {
    name: 'growth-lowers-the-limit',
    about: 'a growth stores its limit although another worker has grown further: slices vanish that are in use',
    file: REGION,
    edits: [
      [
        `      const before = atomics.compareExchange(this.i32, limitWord, seen, target);
      if (before === seen) break;
      seen = before;`,
        `      atomics.store(this.i32, limitWord, target);
      seen = target;`,
      ],
    ],
    by: 'growth-against-growth-and-return',
  },
  {
    name: 'growth-without-memory',
    about: 'a growth is published although the runtime refused the memory',
    file: REGION,
    edits: [
      [
        'if (!growBacking(this.memory, this.addressOf(enough))) return false;',
        'growBacking(this.memory, this.addressOf(enough));',
      ],
    ],
    by: 'test/heap/faults.test.ts',
  },
  {
    name: 'length-read-before-the-limit',
    about: 'views are made before the limit is read that they are said to cover',
    file: REGION,
    edits: [
      [
        `    const limit = atomics.load(this.i32, this.header + HeaderWord.X_LIMIT);\n    const buffer = bufferOf(this.memory);\n    const words = Math.floor(buffer.byteLength / 8) * 2;\n`,
        `    const buffer = bufferOf(this.memory);\n    const words = Math.floor(buffer.byteLength / 8) * 2;\n    const limit = atomics.load(this.i32, this.header + HeaderWord.X_LIMIT);\n`,
      ],
    ],
    by: 'test/unit/region.test.ts',
  },
  {
    name: 'views-never-renewed',
    about: "memory that another worker added is never covered by this one's views",
    file: REGION,
    edits: [['if (slices > this.limit) this.renew();', 'if (slices > this.endSlice) this.renew();']],
    by: 'test/heap/stale.test.ts',
  },
  {
    name: 'format-version-unchecked',
    about: 'a region of another format version is taken for one of ours',
    file: CREATE,
    edits: [["  expect(HeaderWord.FORMAT_VERSION, FORMAT_VERSION, 'format version');\n", '']],
    by: 'test/misuse/tokens.test.ts',
  },
  {
    name: 'options-unchecked',
    about: 'a header whose options were changed is believed',
    file: CREATE,
    edits: [["  expect(HeaderWord.OPTIONS_HASH, optionsHash(settings), 'fingerprint of the options');\n", '']],
    by: 'test/misuse/tokens.test.ts',
  },
  {
    name: 'any-heap-will-do',
    about: 'a token attaches to whatever heap is in its memory',
    file: CREATE,
    edits: [['  if (region.heapId !== token.heapId)\n', '  if (region.heapId.length !== token.heapId.length)\n']],
    by: 'test/misuse/tokens.test.ts',
  },
  {
    name: 'magic-stored-first',
    about: 'a region says that it is complete before its header is written',
    file: CREATE,
    edits: [
      [
        '  i32[header + HeaderWord.FORMAT_VERSION] = FORMAT_VERSION;\n',
        '  atomics.store(i32, header + HeaderWord.X_MAGIC, MAGIC);\n  i32[header + HeaderWord.FORMAT_VERSION] = FORMAT_VERSION;\n',
      ],
    ],
    by: 'test/unit/region.test.ts',
  },
];
