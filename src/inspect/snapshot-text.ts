import { type HeapSnapshot } from '../index.js';

/** What was given is no snapshot or no trace. The message says why. */
export class InspectError extends Error {
  override readonly name = 'InspectError';
}

const BYTES = 'base64:u8';
const WORDS = 'base64:u32';

/** The bytes of base64, in the page as in Node. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function textOf(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 0x6000)
    parts.push(btoa(String.fromCharCode(...bytes.subarray(at, at + 0x6000))));
  return parts.join('');
}

/** JSON of anything with snapshots in it: their columns become base64. */
export function stringify(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (each instanceof Uint8Array) return { [BYTES]: textOf(each) };
    if (each instanceof Uint32Array)
      return { [WORDS]: textOf(new Uint8Array(each.buffer, each.byteOffset, each.byteLength)) };
    return each;
  });
}

/** What `stringify` made text of. */
export function parse(text: string): unknown {
  return JSON.parse(text, (_key, each: unknown) => {
    const { [BYTES]: bytes, [WORDS]: words } = (each ?? {}) as Record<string, unknown>;
    if (typeof bytes === 'string') return bytesOf(bytes);
    return typeof words === 'string' ? new Uint32Array(bytesOf(words).buffer) : each;
  });
}

/** A snapshot as text, JSON: for files and for the wire. `parseSnapshot` reads it back. */
export function serialiseSnapshot(snapshot: HeapSnapshot): string {
  return stringify(snapshot);
}

/** Why something is no snapshot that this version can read; undefined if it is one. */
function faultOf(value: unknown): string | undefined {
  const { kind, version, runs, blocks, stats } = (value ?? {}) as Partial<HeapSnapshot>;
  if (kind !== 'sabmalloc-snapshot') return 'it is no snapshot of a heap: write one with writeSnapshot(heap, file)';
  if ((version as number) !== 1) return `it is of version ${String(version)}, and this package reads version 1`;
  const isWhole = typeof (stats ?? 0) === 'object' && typeof (runs ?? 0) === 'object' && blocks instanceof Uint8Array;
  if (!isWhole || runs === undefined) return 'a part of it is missing';
  const lengths = new Set(Object.values(runs).map((column) => (column as Partial<Uint32Array>).length));
  return lengths.size === 1 && !lengths.has(undefined) ? undefined : 'its columns are not of one length';
}

/** Reads back what `serialiseSnapshot` made. Throws InspectError for any other text. */
export function parseSnapshot(text: string): HeapSnapshot {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new InspectError(`it can't be read as JSON: ${(error as Error).message}`);
  }
  const fault = faultOf(value);
  if (fault !== undefined) throw new InspectError(fault);
  return value as HeapSnapshot;
}
