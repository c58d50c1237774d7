import { Heap, type CreateOptions, type HeapToken } from '../index.js';
import { choose, idle, type Misuse, type Scene, wrong, type WrongCall } from './misuse.js';
import { type ModelBlock } from './model.js';
import { type Party } from './party.js';
import { type MisuseName } from './paths.js';
import { type TypeName } from './task.js';

const UINT8: TypeName = { typedArray: 'Uint8Array' };
const FLOAT64: TypeName = { typedArray: 'Float64Array' };

function blockWhere({ world, rank }: Scene, isRight: (block: ModelBlock) => boolean): ModelBlock | undefined {
  const found = world.model.blocks().filter(isRight);
  return found.length === 0 ? undefined : choose(found, rank);
}

const isSpan = ({ world }: Scene, { address }: ModelBlock): boolean => world.seen.blocks.get(address)?.class === 0;

const isOf = ({ world, party }: Scene, { address }: ModelBlock): boolean =>
  world.seen.blocks.get(address)?.owner === party.workerId;

async function free({ world }: Scene, party: Party, block: ModelBlock): Promise<void> {
  world.retire(party, block);
  await party.call('free', block.address);
}

/** Frees a block of a kind, so that freeing it again is wrong. */
function doubleFree(
  name: MisuseName,
  isRight: (scene: Scene, block: ModelBlock) => boolean,
  then: (scene: Scene) => Party | undefined | Promise<Party> = ({ party }) => party,
): Misuse {
  const prepare = async (scene: Scene): Promise<WrongCall[]> => {
    const block = blockWhere(scene, (candidate) => isRight(scene, candidate));
    if (block === undefined) return [];
    await free(scene, scene.party, block);
    const second = await then(scene);
    return second === undefined ? [] : [wrong('ERR_HEAP_DOUBLE_FREE', second, 'free', block.address)];
  };
  return { name, prepare };
}

async function everybodyCollects({ world, party }: Scene): Promise<Party> {
  for (const each of world.crew.attached()) await each.call('collect');
  return party;
}

function somebodyElse({ world, party, detail }: Scene): Party | undefined {
  const others = world.crew.attached().filter((candidate) => candidate !== party);
  return others.length === 0 ? undefined : choose(others, detail);
}

const NO_NUMBERS = ['65536', 65_536n, {}, [65_536], true, NaN, Infinity, 0.5, -1, new Date(0)];
const BAD_SIZES = [-1, 0.5, NaN, Infinity, -Infinity, '16', 16n, null, undefined, true, {}, [16]];
const BAD_ALIGNMENTS = [0, 3, -16, 24.5, 131_072, 2 ** 32, NaN, Infinity, '16', 16n, null, {}];

function interior(scene: Scene): WrongCall[] {
  const { party, detail } = scene;
  const block = blockWhere(scene, ({ usable }) => usable > 16);
  if (block === undefined) return [];
  const inside = block.address + 16 * (1 + (detail % (block.usable / 16 - 1)));
  return [
    wrong('ERR_HEAP_INVALID_FREE', party, 'free', inside),
    wrong('ERR_HEAP_INVALID_ADDRESS', party, 'usableSize', inside),
    wrong('ERR_HEAP_INVALID_ADDRESS', party, 'realloc', inside, 64),
  ];
}

function wild({ world, party, detail }: Scene): WrongCall[] {
  const { maxBytes } = world.seen.stats;
  const address = choose([8, 16, 4096, -8, maxBytes, maxBytes + 16 * detail, 2 ** 32, 2 ** 53, 1e300], detail);
  return [
    wrong('ERR_HEAP_INVALID_FREE', party, 'free', address),
    wrong('ERR_HEAP_INVALID_ADDRESS', party, 'usableSize', address),
    wrong('ERR_HEAP_INVALID_ADDRESS', party, 'realloc', address, 64),
    wrong('ERR_HEAP_INVALID_ADDRESS', party, 'view', UINT8, address, 16),
  ];
}

function foreignView({ party, detail }: Scene): WrongCall[] {
  const view = choose(
    [
      new Uint8Array(64),
      new Uint8Array(new SharedArrayBuffer(64)),
      new Uint8Array(new SharedArrayBuffer(262_144), 4096),
    ],
    detail,
  );
  return [
    wrong('ERR_HEAP_INVALID_FREE', party, 'free', view),
    wrong('ERR_HEAP_INVALID_ADDRESS', party, 'addressOf', view),
    wrong('ERR_HEAP_INVALID_ADDRESS', party, 'resize', view, 8),
  ];
}

async function partOfBlock(scene: Scene): Promise<WrongCall[]> {
  const { party, detail } = scene;
  const block = blockWhere(scene, ({ usable }) => usable > 16);
  if (block === undefined) return [];
  const offset = 1 + (detail % (block.usable - 1));
  const view = await party.call('view', UINT8, block.address + offset, block.usable - offset);
  return [
    wrong('ERR_HEAP_INVALID_FREE', party, 'free', view),
    wrong('ERR_HEAP_INVALID_ADDRESS', party, 'resize', view, 8),
  ];
}

async function badSize(scene: Scene): Promise<WrongCall[]> {
  const { party, detail } = scene;
  const size = choose(BAD_SIZES, detail);
  const code = 'ERR_HEAP_INVALID_SIZE';
  const anywhere = [
    ...(['malloc', 'calloc', 'tryMalloc'] as const).map((method) => wrong(code, party, method, size)),
    ...(['alloc', 'allocUnsafe'] as const).map((method) => wrong(code, party, method, FLOAT64, size)),
    wrong(code, party, 'realloc', 0, size),
    wrong(code, party, 'mallocMany', size, 2),
    wrong(code, party, 'mallocMany', 16, size),
  ];
  const block = blockWhere(scene, () => true);
  if (block === undefined) return anywhere;
  const view = await party.call('view', UINT8, block.address, block.bytes);
  return [
    ...anywhere,
    wrong(code, party, 'realloc', block.address, size),
    wrong(code, party, 'resize', view, size),
    wrong(code, party, 'view', UINT8, block.address, size),
  ];
}

function beyondTheRegion(scene: Scene): WrongCall[] {
  const { world, party, detail } = scene;
  const { maxBytes } = world.seen.stats;
  const size = choose([maxBytes, maxBytes + 1, 2 ** 32, 2 ** 32 + 16, 2 ** 40, 2 ** 53 - 1], detail);
  const code = 'ERR_HEAP_OUT_OF_MEMORY';
  const block = blockWhere(scene, () => true);
  return [
    ...(['malloc', 'calloc'] as const).map((method) => wrong(code, party, method, size)),
    ...(['alloc', 'allocUnsafe'] as const).map((method) => wrong(code, party, method, FLOAT64, size)),
    wrong(code, party, 'malloc', size, 4096),
    wrong(code, party, 'mallocMany', size, 2),
    wrong(code, party, 'realloc', block?.address ?? 0, size),
    idle(0, party, 'tryMalloc', size),
  ];
}

function badAlignment({ party, detail }: Scene): WrongCall[] {
  const alignment = choose(BAD_ALIGNMENTS, detail);
  return (['malloc', 'calloc', 'tryMalloc'] as const).map((method) =>
    wrong('ERR_HEAP_INVALID_ALIGNMENT', party, method, 24, alignment),
  );
}

async function noBlock(scene: Scene): Promise<WrongCall[]> {
  const { party, detail } = scene;
  const code = 'ERR_HEAP_INVALID_ADDRESS';
  const address = choose(NO_NUMBERS, detail);
  const anywhere = [
    wrong(code, party, 'usableSize', address),
    wrong(code, party, 'realloc', address, 64),
    wrong(code, party, 'usableSize', 0),
  ];
  const block = blockWhere(scene, () => true);
  if (block === undefined) return anywhere;
  const view = await party.call('view', UINT8, block.address, block.bytes);
  await free(scene, party, block);
  return [
    ...anywhere,
    wrong(code, party, 'usableSize', block.address),
    wrong(code, party, 'realloc', block.address, 64),
    wrong(code, party, 'resize', view, 64),
  ];
}

function badView(scene: Scene): WrongCall[] {
  const { world, party, detail } = scene;
  const { reservedBytes } = world.seen.stats;
  const code = 'ERR_HEAP_INVALID_ADDRESS';
  return [
    wrong(code, party, 'view', UINT8, 4096 + detail, 16),
    wrong(code, party, 'view', UINT8, reservedBytes - 8, 16),
    wrong(code, party, 'view', UINT8, reservedBytes - 4096, 2 ** 40),
    wrong(code, party, 'view', FLOAT64, reservedBytes - 4096 + 1 + (detail % 7), 1),
    wrong(code, party, 'view', UINT8, choose(NO_NUMBERS, detail), 16),
  ];
}

function shortOut({ party, detail }: Scene): WrongCall[] {
  const count = 1 + (detail % 40);
  return [Uint32Array, Float64Array].map((Out) =>
    wrong('ERR_HEAP_INVALID_SIZE', party, 'mallocMany', 16, count, new Out(detail % count)),
  );
}

function noConstructor({ party, detail }: Scene): WrongCall[] {
  const type = choose([undefined, null, {}, 'Uint8Array', 8, []], detail);
  return [
    wrong('ERR_HEAP_INVALID_SIZE', party, 'alloc', type, 4),
    wrong('ERR_HEAP_INVALID_SIZE', party, 'allocUnsafe', type, 4),
    wrong('ERR_HEAP_INVALID_SIZE', party, 'view', type, 65_536, 4),
  ];
}

const OF_ONE: readonly Misuse[] = [
  doubleFree('misuse: double free of an own block', (scene, block) => !isSpan(scene, block) && isOf(scene, block)),
  doubleFree('misuse: double free of a span', isSpan),
  doubleFree('misuse: double free after collect', () => true, everybodyCollects),
  { name: 'misuse: interior address', prepare: interior },
  {
    name: 'misuse: misaligned address',
    prepare: (scene) => {
      const block = blockWhere(scene, () => true);
      const off = 1 + (scene.detail % 15);
      return block === undefined ? [] : [wrong('ERR_HEAP_INVALID_FREE', scene.party, 'free', block.address + off)];
    },
  },
  { name: 'misuse: wild address', prepare: wild },
  {
    name: 'misuse: no number for an address',
    prepare: ({ party, detail }) => [wrong('ERR_HEAP_INVALID_FREE', party, 'free', choose(NO_NUMBERS, detail))],
  },
  { name: 'misuse: view of other memory', prepare: foreignView },
  { name: 'misuse: view of a part of a block', prepare: partOfBlock },
  { name: 'misuse: bad size', prepare: badSize },
  { name: 'misuse: size beyond the region', prepare: beyondTheRegion },
  { name: 'misuse: bad alignment', prepare: badAlignment },
  { name: 'misuse: realloc and its like of no block', prepare: noBlock },
  { name: 'misuse: view outside the region or misaligned', prepare: badView },
  { name: 'misuse: out too short', prepare: shortOut },
  { name: 'misuse: no typed array constructor', prepare: noConstructor },
  {
    name: 'misuse: watch of what has no exit',
    prepare: ({ party, detail }) => [
      wrong('ERR_HEAP_CONFIG', party, 'watch', choose([undefined, null, 1, 'worker', {}, { threadId: 1 }], detail)),
    ],
  },
  {
    name: 'misuse: reclaim of nonsense',
    prepare: ({ party, detail }) => [
      idle(false, party, 'reclaim', choose([undefined, null, 0, -1, 0.5, NaN, 1, 1023, 2 ** 53, '1', {}], detail)),
      idle(false, party, 'reclaim', party.workerId),
    ],
  },
];

const OF_SEVERAL: readonly Misuse[] = [
  doubleFree(
    "misuse: double free of another worker's block",
    (scene, block) => !isSpan(scene, block) && !isOf(scene, block),
  ),
  doubleFree('misuse: double free by two workers', () => true, somebodyElse),
];

const badTokens = (token: HeapToken): unknown[] => [
  undefined,
  null,
  'token',
  {},
  { ...token, kind: 'other' },
  { ...token, version: token.version + 1 },
  { ...token, baseSlice: token.baseSlice + 1 },
  { ...token, baseSlice: 0.5 },
  { ...token, heapId: `${token.heapId}0` },
  { ...token, memory: new SharedArrayBuffer(8192) },
  { ...token, memory: new ArrayBuffer(8192) },
  { ...token, workerId: -1 },
];

const BAD_OPTIONS: readonly unknown[] = [
  null,
  17,
  { maxBytes: 1 },
  { maxBytes: '1MiB' },
  { maxBites: 1_048_576 },
  { preset: 'none' },
  { preset: {} },
  { maxWorkers: 0 },
  { memory: new ArrayBuffer(8192) },
  { memoryOffset: 4096 },
  { backing: 'paper' },
];

const staticCall = (text: string, code: 'ERR_HEAP_TOKEN' | 'ERR_HEAP_CONFIG', call: () => unknown): WrongCall => ({
  text,
  // Async, so that what is thrown comes as a rejection.
  // eslint-disable-next-line @typescript-eslint/require-await
  call: async () => call(),
  outcome: { code },
});

/** Mistakes with the calls that make heaps and attach to them: always by the main thread. */
const STATIC: readonly Misuse[] = [
  {
    name: 'misuse: bad token',
    prepare: ({ world, detail }) => {
      const token = choose(badTokens(world.heap.token), detail) as HeapToken;
      return [staticCall(`Heap.attach(bad token ${detail})`, 'ERR_HEAP_TOKEN', () => Heap.attach(token))];
    },
  },
  {
    name: 'misuse: bad options',
    prepare: ({ detail }) => {
      const options = choose(BAD_OPTIONS, detail) as CreateOptions;
      return [staticCall(`Heap.create(bad options ${detail})`, 'ERR_HEAP_CONFIG', () => Heap.create(options))];
    },
  },
];

/** What a single thread can do wrong. */
export const MISUSES_OF_ONE: readonly Misuse[] = [...OF_ONE, ...STATIC];

/** What takes several workers to do wrong. */
export const MISUSES_OF_SEVERAL: readonly Misuse[] = OF_SEVERAL;
