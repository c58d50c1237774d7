import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { decodeTrace, encodeTrace, type Trace } from './format.js';

/** Reads a trace file. Throws an Error that says what is wrong with it; `name` is what the trace is called. */
export function readTraceFile(path: string, name = path): Trace {
  const file = readFileSync(path);
  let bytes: Uint8Array;
  try {
    bytes = gunzipSync(file);
  } catch (error) {
    throw new Error(`${name} is no trace: it can't be unpacked (${(error as Error).message})`, { cause: error });
  }
  return decodeTrace(bytes, name);
}

export function writeTraceFile(path: string, trace: Omit<Trace, 'name'>): void {
  writeFileSync(path, gzipSync(encodeTrace(trace)));
}
