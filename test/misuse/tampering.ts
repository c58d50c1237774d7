import { Geometry } from '../../src/layout/geometry.js';
import { HeaderWord, SlotWord } from '../../src/layout/offsets.generated.js';
import { type Random } from '../kit/random.js';
import { type Area, type Image } from './image.js';
import { type Trial } from './trials.js';

/** A trial on a whole copy of the image. */
function trialOf(image: Image, changes: Partial<Trial> & Pick<Trial, 'what'>): Trial {
  const { byteLength } = image.memory;
  return { memory: 'fixed', bytes: byteLength, token: {}, words: [], when: 'before', ...changes };
}

/** Every bit of the header turned, one at a time. */
export function headerFlips(image: Image): Trial[] {
  const words = new Int32Array(image.memory);
  const [from, to] = image.areas.header;
  return Array.from({ length: (to - from) * 32 }, (_, i) => {
    const [index, bit] = [from + (i >>> 5), i & 31];
    const what = `header word ${index - from}, bit ${bit} turned`;
    // Behind the counters lie options, whose flips are refused, and words that are not used yet.
    const brief = index - from >= HeaderWord.OPTIONS;
    return trialOf(image, { what, words: [[index, words[index] ^ (1 << bit)]], brief });
  });
}

/** Numbers that are wrong in the way that numbers in tables go wrong. */
function wrongWord(image: Image, random: Random, value: number): number {
  const slice = image.token.baseSlice as number;
  return random.pick([
    ...[0, -1, 1, 2, 0x7fffffff, -0x80000000, value + 1, value - 1, ~value, value ^ (1 << random.int(0, 31))],
    ...[random.next() | 0, random.int(0, 200), random.int(0, 4000), slice, slice + random.int(0, 140)],
  ]);
}

const EXCUSES: { readonly [Where in Area]?: Pick<Trial, 'excuse'> } = {
  bits: { excuse: 'loss' },
  control: { excuse: 'trespass' },
};

/** One to three words of an area overwritten. */
export function overwritten(image: Image, random: Random, area: Area, when: Trial['when'], count: number): Trial[] {
  const words = new Int32Array(image.memory);
  const [from, to] = image.areas[area];
  return Array.from({ length: count }, () => {
    const changes = Array.from({ length: random.int(1, 3) }, () => {
      const index = random.int(from, to - 1);
      return [index, wrongWord(image, random, words[index])] as const;
    });
    const what = `${area}, ${when} attach: ${changes.map(([index, value]) => `word ${index - from} is ${value}`).join()}`;
    return trialOf(image, { what, words: changes, when, ...EXCUSES[area] });
  });
}

/** The words of a slot that say who holds it and what it owns, each turned bit by bit. */
export function slotFlips(image: Image): Trial[] {
  const words = new Int32Array(image.memory);
  const [from, to] = image.areas.slots;
  const trials: Trial[] = [];
  for (let index = from; index < to; index++) {
    if ((index - from) % SlotWord.WORDS > SlotWord.X_QUEUE) continue;
    for (let bit = 0; bit < 32; bit += 3) {
      const what = `slot word ${index - from}, bit ${bit} turned`;
      trials.push(trialOf(image, { what, words: [[index, words[index] ^ (1 << bit)]] }));
    }
  }
  return trials;
}

const WASM_PAGE = 65_536;

/** Memory of every kind that ends too early or late, and tokens that say the region begins elsewhere. */
export function misplaced(image: Image, random: Random): Trial[] {
  const { byteLength } = image.memory;
  const begin = [0, 1, 4, image.baseBytes, image.baseBytes + 4, image.baseBytes + Geometry.SLICE_BYTES];
  const end = [-Geometry.SLICE_BYTES, -1, 0, 1, Geometry.SLICE_BYTES].map((off) => image.endBytes + off);
  const within = Array.from({ length: 60 }, () => random.int(0, byteLength));
  const ended = [...begin, ...end, ...within].flatMap((bytes) =>
    (['fixed', 'growable'] as const).map((memory) =>
      trialOf(image, { what: `${memory} memory of ${bytes} bytes`, memory, bytes }),
    ),
  );
  const paged = Array.from({ length: 12 }, (_, pages) =>
    trialOf(image, { what: `wasm memory of ${pages} pages`, memory: 'wasm', bytes: pages * WASM_PAGE }),
  );
  const base = image.token.baseSlice as number;
  const slices = byteLength / Geometry.SLICE_BYTES;
  const elsewhere = [0, base - 1, base + 1, base + 2, slices, slices - 1, 2 ** 20, 2 ** 31, 2 ** 52];
  return [
    ...ended,
    ...paged,
    ...elsewhere.map((baseSlice) => trialOf(image, { what: `baseSlice ${baseSlice}`, token: { baseSlice } })),
  ];
}

/** Parts of another heap's header in the place of one's own. */
export function mixed(image: Image, other: Image, random: Random, count: number): Trial[] {
  const theirs = new Int32Array(other.memory);
  const [from, to] = image.areas.header;
  return Array.from({ length: count }, () => {
    const first = random.int(from, to - 1);
    const last = random.int(first, to - 1);
    const words = Array.from({ length: last - first + 1 }, (_, i) => [first + i, theirs[first + i]] as const);
    return trialOf(image, { what: `header words ${first - from} to ${last - from} of another heap`, words });
  });
}

const FIELDS = ['kind', 'version', 'memory', 'baseSlice', 'heapId', 'workerId'];

/** Values that a message may carry in the place of a field. */
function wrongField(random: Random, right: unknown): unknown {
  const text = String(right);
  return random.pick<unknown>([
    ...[undefined, null, true, false, NaN, Infinity, -Infinity, -0, 0, 1, -1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e300],
    ...[7n, 'x', '', text, `${text} `, text.slice(1), text.toUpperCase(), text.replace(/./, '0'), [right], { right }],
    ...[random.next(), -random.next(), random.next() / 7, random.next() * 2 ** 20, random.next().toString(16)],
    ...[new Date(0), new Map(), new Uint8Array(4), new ArrayBuffer(8), new SharedArrayBuffer(8), new Error('x'), /x/],
  ]);
}

/** Tokens with one to three fields forged, or some missing. */
export function forgedTokens(image: Image, random: Random, count: number): Trial[] {
  return Array.from({ length: count }, () => {
    const fields = Array.from({ length: random.int(1, 3) }, () => random.pick(FIELDS));
    const right: Readonly<Record<string, unknown>> = { ...image.token, workerId: image.reserved };
    const token = Object.fromEntries(fields.map((field) => [field, wrongField(random, right[field])]));
    const what = fields.map((field) => `${field} is ${String(token[field])} (${typeof token[field]})`).join(', ');
    return trialOf(image, { what, token, brief: true });
  });
}
