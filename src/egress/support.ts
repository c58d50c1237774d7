import { nodeHash } from './node-hash.js';

/** The calls whose way depends on the runtime. */
export type EgressCall = 'decodeText' | 'encodeInto' | 'randomFill' | 'digest' | 'toBlob';

/** Runtimes tell these apart: a call may take shared memory and yet refuse what can grow. */
type Backing = 'plain' | 'resizable' | 'shared' | 'growable';

const PROBE = [104, 105, 33];
const PROBE_TEXT = 'hi!';
const RANDOM_BYTES = 64;

/** Each makes the call with a small view; true if it does what it does with memory that is not shared. */
const PROBES: Readonly<Record<EgressCall, (bytes: Uint8Array<ArrayBuffer>) => boolean>> = {
  decodeText: (bytes) => new TextDecoder().decode(bytes.subarray(0, PROBE.length)) === PROBE_TEXT,
  encodeInto: (bytes) => {
    const { written } = new TextEncoder().encodeInto(PROBE_TEXT, bytes.fill(0));
    return PROBE.every((byte, i) => bytes[i] === byte) && written === PROBE.length;
  },
  randomFill: (bytes) => crypto.getRandomValues(bytes.fill(0)).some((byte) => byte !== 0),
  digest: (bytes) => {
    const [ours, theirs] = [bytes, new Uint8Array(bytes)].map((each) => nodeHash('SHA-256')?.update(each).digest());
    return ours !== undefined && ours.every((byte, i) => byte === theirs![i]);
  },
  // Some runtimes throw nothing and make a text of the numbers.
  toBlob: (bytes) => new Blob([bytes.subarray(0, PROBE.length)]).size === PROBE.length,
};

const answers = new Map<Backing, Partial<Record<EgressCall, boolean>>>();

// By its tag, since pages that are not isolated have shared memories but no SharedArrayBuffer to compare with.
export function isShared(buffer: ArrayBufferLike): boolean {
  return Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]';
}

function backingOf(buffer: ArrayBufferLike): Backing {
  const { growable, resizable } = buffer as { growable?: boolean; resizable?: boolean };
  if (isShared(buffer)) return growable === true ? 'growable' : 'shared';
  return resizable === true ? 'resizable' : 'plain';
}

/** A small view over memory of the same kind. */
function probeLike(buffer: ArrayBufferLike, backing: Backing): Uint8Array<ArrayBuffer> {
  const Buffer = buffer.constructor as new (bytes: number, options?: { maxByteLength: number }) => ArrayBuffer;
  const canChange = backing === 'growable' || backing === 'resizable';
  const memory = canChange ? new Buffer(RANDOM_BYTES, { maxByteLength: 2 * RANDOM_BYTES }) : new Buffer(RANDOM_BYTES);
  const bytes = new Uint8Array(memory, 0, RANDOM_BYTES);
  bytes.set(PROBE);
  return bytes;
}

function attempt(call: EgressCall, buffer: ArrayBufferLike, backing: Backing): boolean {
  try {
    return PROBES[call](probeLike(buffer, backing));
  } catch {
    return false;
  }
}

/** Whether the runtime's own call takes views of such memory. Tried once a thread for each kind of memory. */
export function takes(call: EgressCall, buffer: ArrayBufferLike): boolean {
  const backing = backingOf(buffer);
  if (backing === 'plain') return true;
  let known = answers.get(backing);
  if (known === undefined) answers.set(backing, (known = {}));
  return (known[call] ??= attempt(call, buffer, backing));
}

/** How each call works on views of a buffer, such as `heap.buffer`, in this runtime: handed on as they are, or copied first. */
export function egressSupport(buffer: ArrayBufferLike): Record<EgressCall, 'direct' | 'copied'> {
  const calls = Object.keys(PROBES) as EgressCall[];
  const rows = calls.map((call) => [call, takes(call, buffer) ? 'direct' : 'copied']);
  return Object.fromEntries(rows) as Record<EgressCall, 'direct' | 'copied'>;
}
