/** What every runtime does: each helper on views of every kind of memory. Tells which checks failed and which calls copied. */
import { Heap } from 'sabmalloc';
import {
  decodeText,
  digest,
  type EgressCall,
  egressSupport,
  encodeInto,
  encodeText,
  randomFill,
  toBlob,
  toImageData,
  toResponse,
  toStream,
  toUnshared,
  withUnshared,
} from 'sabmalloc/egress';
import { tell } from '../kit/tell.js';

export interface ProgramReport {
  readonly version: string;
  readonly checks: number;
  /** Sentences, none if all is well. */
  readonly failures: readonly string[];
  readonly support: Readonly<Record<'growable' | 'fixed', Record<EgressCall, 'direct' | 'copied'>>>;
}

const KIB = 1024;
/** A little more than what is hashed, or goes into a Blob, in one part. */
const LARGE_BYTES = 4 * KIB * KIB + 5;
const failures: string[] = [];
let checks = 0;

function same(what: string, actual: unknown, expected: unknown): void {
  checks++;
  const [a, b] = [actual, expected].map((each) => JSON.stringify(each));
  if (a !== b) failures.push(`${what}: ${a.slice(0, 80)}, not ${b.slice(0, 80)}`);
}

const isShared = (view: ArrayBufferView): boolean => view.buffer instanceof SharedArrayBuffer;

/** Bytes of no period that divides a power of two. */
function pattern(bytes: number): Uint8Array<ArrayBuffer> {
  const view = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) view[i] = (i * 31) % 251;
  return view;
}

/** A position-dependent sum: short to compare, and no part may change places. */
function sumOf(bytes: Uint8Array): number {
  let sum = bytes.length;
  for (let i = 0; i < bytes.length; i++) sum = (Math.imul(sum, 31) + bytes[i] + i) | 0;
  return sum;
}

/** Texts whose characters of one to four bytes lie across every border there is. */
const TEXTS = [
  '',
  'plain',
  'Größe – 数学 😀',
  'é'.repeat(40_000),
  `x${'😀'.repeat(50_000)}`,
  `xy${'数'.repeat(60_000)}`,
];

function texts(heap: Heap): void {
  for (const text of TEXTS) {
    const view = encodeText(heap, text);
    const expected = new TextEncoder().encode(text);
    same(`encodeText of ${text.length}`, [view.length, sumOf(view)], [expected.length, sumOf(expected)]);
    same(`decodeText of ${text.length}`, decodeText(view) === text, true);
    heap.free(view);
  }
  const lone = encodeText(heap, 'a\ud800b');
  same('half a pair', decodeText(lone), 'a\ufffdb');
  const little = heap.alloc(Uint8Array, 5);
  same('no room for all', encodeInto('äö😀', little), { read: 2, written: 4 });
  same('what is there', [...little], [195, 164, 195, 182, 0]);
  little.set([0xff, 0xfe, 0x41, 0x00, 0x42]);
  same('another encoding', decodeText(little.subarray(0, 4), { encoding: 'utf-16le' }), 'A');
  same('the mark kept', decodeText(little.subarray(0, 4), { encoding: 'utf-16le', ignoreBOM: true }), '\ufeffA');
  let name = 'none';
  try {
    decodeText(little, { fatal: true });
  } catch (error) {
    name = (error as Error).name;
  }
  same('no text', name, 'TypeError');
  same('and afterwards', decodeText(little.subarray(2, 3), { fatal: true }), 'A');
  heap.freeMany([lone, little]);
}

function random(heap: Heap): void {
  // Longer than one call of the runtime's may fill; floats, which it refuses.
  const view = heap.alloc(Float64Array, 20_000);
  same('randomFill returns the view', randomFill(view) === view, true);
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  for (let at = 0; at < bytes.length; at += 16 * KIB)
    same(
      `random at ${at}`,
      bytes.subarray(at, at + 64).some((byte) => byte !== 0),
      true,
    );
  heap.free(view);
}

async function hashes(heap: Heap): Promise<void> {
  for (const bytes of [0, 3, LARGE_BYTES]) {
    const view = heap.alloc(Uint8Array, bytes);
    view.set(pattern(bytes));
    for (const name of ['SHA-1', 'sha-256', 'SHA-512']) {
      const expected = new Uint8Array(await crypto.subtle.digest(name, pattern(bytes)));
      same(`${name} of ${bytes}`, [...new Uint8Array(await digest(name, view))], [...expected]);
    }
    heap.free(view);
  }
}

async function bodies(heap: Heap): Promise<void> {
  for (const bytes of [0, 3, LARGE_BYTES]) {
    const view = heap.alloc(Uint8Array, bytes);
    view.set(pattern(bytes));
    const expected = [bytes, sumOf(view)];
    const blob = toBlob(view, { type: 'image/png' });
    const response = toResponse(view, { status: 201, headers: { 'x-a': 'b' } });
    const stream = new Response(toStream(view));
    const streamed = new Uint8Array(await stream.arrayBuffer());
    same(`toStream of ${bytes}`, [streamed.length, sumOf(streamed)], expected);
    // What was made is of what was there, whatever becomes of the block.
    view.fill(255);
    heap.free(view);
    const blobbed = new Uint8Array(await blob.arrayBuffer());
    same(`toBlob of ${bytes}`, [blobbed.length, sumOf(blobbed), blob.type], [...expected, 'image/png']);
    const body = new Uint8Array(await response.arrayBuffer());
    same(`toResponse of ${bytes}`, [body.length, sumOf(body)], expected);
    const { status, headers } = response;
    same('its head', [status, headers.get('x-a'), headers.get('content-type')], [201, 'b', null]);
  }
}

function copies(heap: Heap): void {
  const view = heap.alloc(Float32Array, 3);
  view.set([1, 2.5, -3]);
  const copy = toUnshared(view);
  same('toUnshared', [copy.constructor.name, [...copy], isShared(copy)], ['Float32Array', [1, 2.5, -3], false]);
  const data = toUnshared(new DataView(view.buffer, view.byteOffset + 4, 4));
  same('of a DataView', [data.getFloat32(0, true), data.byteLength, isShared(data)], [2.5, 4, false]);
  const used = withUnshared(view, (each) => [each.constructor.name, [...each], each.length, isShared(each)]);
  same('withUnshared', used, ['Float32Array', [1, 2.5, -3], 3, false]);
  let first: Float32Array | undefined;
  withUnshared(view, (outer) => {
    first = outer;
    withUnshared(view.subarray(1), (inner) => same('within another', inner.buffer === outer.buffer, false));
    same('after it', [...outer], [1, 2.5, -3]);
  });
  withUnshared(view.subarray(2), (each) => same('the buffer again', each.buffer === first?.buffer, true));
  heap.free(view);
}

function images(heap: Heap): void {
  if (!('ImageData' in globalThis)) return;
  const view = heap.alloc(Uint8Array, 4 * 6);
  view.set(pattern(24));
  const image = toImageData(view, 2) as { width: number; height: number; data: Uint8ClampedArray };
  same('toImageData', [image.width, image.height, [...image.data]], [2, 3, [...view]]);
  view.fill(7);
  same('into', toImageData(view, 2, image as never) === (image as unknown), true);
  same('filled again', [...image.data], [...view]);
  heap.free(view);
}

async function all(heap: Heap): Promise<void> {
  texts(heap);
  random(heap);
  await hashes(heap);
  await bodies(heap);
  copies(heap);
  images(heap);
  heap.check();
  same('live blocks', heap.stats().liveBlocks, 0);
}

function versionOf(): string {
  const { Bun, Deno, process, navigator } = globalThis as unknown as Record<string, any>;
  const found = Bun?.version ?? Deno?.version?.deno ?? process?.versions?.node;
  return String(found ?? /(?:Firefox|Chrome)\/([\d.]+)/.exec(navigator?.userAgent ?? '')?.[1]);
}

const MAX_BYTES = 64 * KIB * KIB;
const growable = Heap.create({ maxBytes: MAX_BYTES });
const fixed = Heap.create({ maxBytes: MAX_BYTES, memory: new SharedArrayBuffer(MAX_BYTES) });
const wasm = Heap.create({
  maxBytes: MAX_BYTES,
  memory: new WebAssembly.Memory({ initial: 1, maximum: MAX_BYTES / (64 * KIB), shared: true }),
});
for (const heap of [growable, fixed, wasm]) {
  try {
    await all(heap);
  } catch (error) {
    failures.push(String((error as Error).stack ?? error));
  }
}
const support = { growable: egressSupport(growable.buffer), fixed: egressSupport(fixed.buffer) };
await tell({ version: versionOf(), checks, failures, support } satisfies ProgramReport);
