import * as atomics from '#atomics';
import { alignUp, fingerprint } from '../base/bits.js';
import { HeapError, show } from '../base/errors.js';
import type { HeapSettings } from '../config/options.js';
import { SETTING_NAMES, isSetting } from '../config/options.js';
import { isSharedBuffer, isSharedMemory } from '../config/memory.js';
import type { ResolvedOptions } from '../config/resolve.js';
import { FORMAT_VERSION, GEOMETRY_HASH, Kind, LAYOUT_HASH, MAGIC } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { HeaderWord } from '../layout/offsets.generated.js';
import { bufferOf, callerBytes, growBacking, makeMemory, type Memory } from './backing.js';
import { Region } from './region.js';
import { tableLayout } from './tables.js';

/**
 * What one worker sends another so that it can attach: a plain, structured-cloneable object. Sending it sends the
 * shared memory itself; everything else is read from the region's header and checked against it.
 */
export interface HeapToken {
  readonly kind: 'sabmalloc';
  readonly version: number;
  readonly memory: Memory;
  readonly baseSlice: number;
  readonly heapId: string;
  /** Present in tokens of `heap.reserve()`: the attachment that this token stands for. */
  readonly workerId?: number;
}

function optionsHash(settings: HeapSettings): number {
  return fingerprint(SETTING_NAMES.map((name) => `${name}=${settings[name]}`).join(','));
}

export function tokenOf(region: Region): HeapToken {
  return {
    kind: 'sabmalloc',
    version: FORMAT_VERSION,
    memory: region.memory,
    baseSlice: region.baseSlice,
    heapId: region.heapId,
  };
}

/** Where the region will lie and what it is made of. */
function place(options: ResolvedOptions): {
  memory: Memory;
  baseSlice: number;
  regionSlices: number;
  isFresh: boolean;
} {
  const { values, settings, given } = options;
  if (values.memory === undefined) {
    const regionSlices = Math.floor(settings.maxBytes / Geometry.SLICE_BYTES);
    const { headSlices } = tableLayout(regionSlices, settings);
    const initialSlices = Math.min(regionSlices, alignUp(headSlices + Geometry.PAGE_SLICES, Geometry.SEGMENT_SLICES));
    const memory = makeMemory(
      values.backing,
      initialSlices * Geometry.SLICE_BYTES,
      regionSlices * Geometry.SLICE_BYTES,
    );
    return { memory, baseSlice: 0, regionSlices, isFresh: true };
  }
  const { memory, memoryOffset: offset } = values;
  const baseSlice = Math.ceil(offset / Geometry.SLICE_BYTES);
  const ownMax = given.has('maxBytes') ? settings.maxBytes : undefined;
  const bytes = callerBytes(memory, offset, values.memoryBytes, ownMax);
  const endBytes = Math.min(offset + bytes, Geometry.REGION_MAX_BYTES);
  const regionSlices = Math.floor(endBytes / Geometry.SLICE_BYTES) - baseSlice;
  if (regionSlices * Geometry.SLICE_BYTES < Geometry.REGION_MIN_BYTES - 2 * Geometry.SLICE_BYTES)
    throw new HeapError(
      'ERR_HEAP_CONFIG',
      `option memory leaves ${bytes} bytes from memoryOffset ${offset} on; a heap needs ${Geometry.REGION_MIN_BYTES}`,
      { option: 'memory', value: bytes },
    );
  if (values.memoryBytes !== undefined && bufferOf(memory).byteLength < offset + values.memoryBytes)
    throw new HeapError(
      'ERR_HEAP_CONFIG',
      `memoryOffset ${offset} + memoryBytes ${values.memoryBytes} pass the end of memory, ${bufferOf(memory).byteLength} bytes long`,
      { option: 'memoryBytes', value: values.memoryBytes },
    );
  return { memory, baseSlice, regionSlices, isFresh: false };
}

function prepareCallerMemory(memory: Memory, baseSlice: number, headSlices: number): void {
  const from = baseSlice * Geometry.SLICE_BYTES;
  const bytes = headSlices * Geometry.SLICE_BYTES;
  if (!growBacking(memory, from + bytes))
    throw new HeapError(
      'ERR_HEAP_CONFIG',
      `option memory is too short: the heap's tables alone need ${bytes} bytes from ${from} on`,
      { option: 'memory', value: bufferOf(memory).byteLength },
    );
  const words = new Int32Array(bufferOf(memory), from, bytes / 4);
  if (words[HeaderWord.X_MAGIC] === MAGIC)
    throw new HeapError(
      'ERR_HEAP_CONFIG',
      `option memory already holds a heap at ${from}: attach to it by its token, or zero the first word to give it up`,
      { option: 'memory', value: from },
    );
  words.fill(0);
}

/** Claims the slices of the tables, and those before the region that share its first bitmap word. */
function markHead(region: Region): void {
  for (let slice = region.baseSlice & ~31; slice < region.firstSlice; slice++)
    region.i32[region.bitmap + (slice >>> 5)] |= 1 << slice;
}

/** Makes a region and its header. Nothing is visible to other workers before the magic number, which is stored last. */
export function createRegion(options: ResolvedOptions): Region {
  const { settings } = options;
  const { memory, baseSlice, regionSlices, isFresh } = place(options);
  const { headSlices } = tableLayout(regionSlices, settings);
  if (!isFresh) prepareCallerMemory(memory, baseSlice, headSlices);
  const region = new Region(memory, baseSlice, regionSlices, settings);
  const { i32, header } = region;
  const existing = Math.floor(region.buffer.byteLength / Geometry.SLICE_BYTES);
  i32[header + HeaderWord.FORMAT_VERSION] = FORMAT_VERSION;
  i32[header + HeaderWord.LAYOUT_HASH] = LAYOUT_HASH;
  i32[header + HeaderWord.GEOMETRY_HASH] = GEOMETRY_HASH;
  for (let i = 0; i < 4; i++) i32[header + HeaderWord.HEAP_ID + i] = Math.random() * 2 ** 32;
  i32[header + HeaderWord.REGION_SLICES] = regionSlices;
  i32[header + HeaderWord.HEAD_SLICES] = headSlices;
  i32[header + HeaderWord.BASE_SLICE] = baseSlice;
  const effective = { ...settings, maxBytes: regionSlices * Geometry.SLICE_BYTES };
  SETTING_NAMES.forEach((name, i) => {
    i32[header + HeaderWord.OPTIONS + i] = effective[name];
  });
  i32[header + HeaderWord.OPTIONS_HASH] = optionsHash(effective);
  i32.fill(Kind.HEAD, region.map + baseSlice, region.map + region.firstSlice);
  markHead(region);
  i32[header + HeaderWord.X_COMMITTED] = headSlices;
  i32[header + HeaderWord.X_PEAK_COMMITTED] = headSlices;
  region.limit = Math.min(existing, region.endSlice);
  i32[header + HeaderWord.X_LIMIT] = region.limit;
  // Publishes everything above to whoever attaches.
  atomics.store(i32, header + HeaderWord.X_MAGIC, MAGIC);
  return region;
}

/** Makes the first bytes behind the tables exist, and has the operating system back them: each page of them is stored to. */
export function prewarmRegion(region: Region, bytes: number): void {
  const target = Math.min(region.endSlice, region.firstSlice + Math.ceil(bytes / Geometry.SLICE_BYTES));
  while (region.limit < target && region.grow(target - region.limit));
  const end = Math.min(target, region.limit);
  // Nobody else knows the region yet, and memory that no block has used holds zeros.
  for (let slice = region.firstSlice; slice < end; slice++) region.i32[region.addressOf(slice) / 4] = 0;
}

/** Takes back what made memory of the caller's a heap, where nobody could attach: so that he may try again. */
export function giveUpRegion(region: Region): void {
  atomics.store(region.i32, region.header + HeaderWord.X_MAGIC, 0);
}

function refuse(reason: string, details: Record<string, unknown> = {}): never {
  throw new HeapError(
    'ERR_HEAP_TOKEN',
    `this is no token of a heap that this build can attach to: ${reason}; send heap.token as it is, from a worker that runs the same version`,
    details,
  );
}

/** Each field once: what was checked is what is used, whatever getters the object has. */
function readToken(token: unknown): Record<string, unknown> {
  if (typeof token !== 'object' || token === null) refuse(`it is ${show(token)}`);
  try {
    const { kind, version, memory, baseSlice, heapId, workerId } = token as Record<string, unknown>;
    return { kind, version, memory, baseSlice, heapId, workerId };
  } catch (error) {
    return refuse('reading it failed', { cause: error });
  }
}

function checkToken(token: unknown): HeapToken {
  const { kind, version, memory, baseSlice, heapId, workerId } = readToken(token);
  if (kind !== 'sabmalloc') refuse(`its kind is ${show(kind)}`);
  if (version !== FORMAT_VERSION)
    refuse(`its format version is ${show(version)}, this build knows ${FORMAT_VERSION}`, {
      version,
      expected: FORMAT_VERSION,
    });
  if (!isSharedBuffer(memory) && !isSharedMemory(memory)) refuse('its memory is no shared memory');
  if (!Number.isInteger(baseSlice) || (baseSlice as number) < 0) refuse(`its baseSlice is ${show(baseSlice)}`);
  if (typeof heapId !== 'string') refuse(`its heapId is ${show(heapId)}`);
  if (workerId !== undefined && (!Number.isInteger(workerId) || (workerId as number) <= 0))
    refuse(`its workerId is ${show(workerId)}`);
  return { kind, version, memory, baseSlice, heapId, workerId } as HeapToken;
}

/** Checks the header word by word before anything is believed; throws ERR_HEAP_TOKEN and has written nothing. */
function checkHeader(token: HeapToken): { regionSlices: number; settings: HeapSettings } {
  const from = token.baseSlice * Geometry.SLICE_BYTES;
  if (from + Geometry.SLICE_BYTES > bufferOf(token.memory).byteLength) refuse('its memory ends before the header');
  const words = new Int32Array(bufferOf(token.memory), from, HeaderWord.WORDS);
  const expect = (word: number, expected: number, what: string): void => {
    if (words[word] !== expected)
      refuse(`${what} is ${words[word]}, expected ${expected}`, { expected, found: words[word] });
  };
  if (atomics.load(words, HeaderWord.X_MAGIC) !== MAGIC) refuse('its memory holds no heap there');
  expect(HeaderWord.FORMAT_VERSION, FORMAT_VERSION, 'format version');
  expect(HeaderWord.LAYOUT_HASH, LAYOUT_HASH, 'layout fingerprint');
  expect(HeaderWord.GEOMETRY_HASH, GEOMETRY_HASH, 'geometry fingerprint');
  expect(HeaderWord.BASE_SLICE, token.baseSlice, 'place of the region');
  const regionSlices = words[HeaderWord.REGION_SLICES];
  if (regionSlices < 1 || regionSlices * Geometry.SLICE_BYTES > Geometry.REGION_MAX_BYTES - from)
    refuse(`region of ${regionSlices} slices`);
  const settings = Object.fromEntries(SETTING_NAMES.map((name, i) => [name, words[HeaderWord.OPTIONS + i]])) as Record<
    keyof HeapSettings,
    number
  >;
  settings.maxBytes = regionSlices * Geometry.SLICE_BYTES;
  expect(HeaderWord.OPTIONS_HASH, optionsHash(settings), 'fingerprint of the options');
  for (const name of SETTING_NAMES)
    if (name !== 'maxBytes' && !isSetting(name, settings[name])) refuse(`option ${name} is ${settings[name]}`);
  const { headSlices } = tableLayout(regionSlices, settings);
  expect(HeaderWord.HEAD_SLICES, headSlices, 'size of the tables');
  // The limit before the length: another worker may grow the region at this moment, and then both.
  const limit = atomics.load(words, HeaderWord.X_LIMIT);
  const { byteLength } = bufferOf(token.memory);
  const { baseSlice } = token;
  if (limit < baseSlice + headSlices || limit > baseSlice + regionSlices || limit * Geometry.SLICE_BYTES > byteLength)
    refuse(`limit of ${limit} slices in ${byteLength} bytes`);
  return { regionSlices, settings };
}

/** The region behind a token, and the options it was made with. Throws ERR_HEAP_TOKEN and changes nothing if they don't fit. */
export function openRegion(candidate: unknown): { region: Region; settings: HeapSettings; token: HeapToken } {
  const token = checkToken(candidate);
  const { regionSlices, settings } = checkHeader(token);
  const region = new Region(token.memory, token.baseSlice, regionSlices, settings);
  if (region.heapId !== token.heapId)
    refuse('it names another heap than the one in its memory', { heapId: token.heapId, found: region.heapId });
  return { region, settings, token };
}

/** The options of a region this worker made itself. */
export function settingsOf(region: Region): HeapSettings {
  return checkHeader(tokenOf(region)).settings;
}
