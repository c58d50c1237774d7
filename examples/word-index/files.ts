/** The files below a folder, and the parcels in which workers get them. */
import { closeSync, type Dirent, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** A text file has no NUL byte; a binary one nearly always has one this early. */
const PROBE_BYTES = 8192;
const PARCEL_FILES = 16;
const PARCEL_BYTES = 512 * 1024;

export interface SourceFile {
  readonly path: string;
  readonly bytes: number;
}

/** Some neighbouring files; the index knows the first one as file number `firstFile`, and so on. */
export interface Parcel {
  readonly firstFile: number;
  readonly paths: readonly string[];
}

/** Every regular file below `folder`, in a stable order. Symbolic links are not followed. */
export function findFiles(folder: string, limit: number): SourceFile[] {
  const found: SourceFile[] = [];
  const folders = [folder];
  for (let current = folders.pop(); current !== undefined; current = folders.pop()) {
    for (const entry of entriesOf(current)) {
      if (found.length === limit) return found;
      const path = join(current, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) found.push({ path, bytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0 });
    }
  }
  return found;
}

/** What is in a folder, by name. One that may not be read counts as empty. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

export function parcelsOf(files: readonly SourceFile[]): Parcel[] {
  const parcels: Parcel[] = [];
  let firstFile = 0;
  let bytes = 0;
  for (let n = 0; n < files.length; n++) {
    bytes += files[n].bytes;
    const isFull = bytes >= PARCEL_BYTES || n + 1 - firstFile >= PARCEL_FILES;
    if (!isFull && n + 1 < files.length) continue;
    parcels.push({ firstFile, paths: files.slice(firstFile, n + 1).map((file) => file.path) });
    firstFile = n + 1;
    bytes = 0;
  }
  return parcels;
}

export type SkipReason = 'binary' | 'tooLarge' | 'unreadable';

/** Reads one text after another into the same memory. */
export class TextReader {
  private buffer = new Uint8Array(1 << 20);

  /** The file's bytes, valid until the next call, or why there are none. */
  read(path: string): Uint8Array | SkipReason {
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch {
      return 'unreadable';
    }
    try {
      return this.readOpen(file);
    } catch {
      return 'unreadable';
    } finally {
      closeSync(file);
    }
  }

  private readOpen(file: number): Uint8Array | SkipReason {
    let used = this.fill(file, 0, PROBE_BYTES);
    if (this.buffer.subarray(0, used).includes(0)) return 'binary';
    for (;;) {
      if (used === this.buffer.length) this.grow();
      const end = this.fill(file, used, this.buffer.length);
      if (end === used) break;
      used = end;
      if (used > MAX_FILE_BYTES) return 'tooLarge';
    }
    const text = this.buffer.subarray(0, used);
    return text.includes(0) ? 'binary' : text;
  }

  /** Reads once into `[start, end)`; returns where the bytes read end. */
  private fill(file: number, start: number, end: number): number {
    return start + readSync(file, this.buffer, start, end - start, null);
  }

  private grow(): void {
    const larger = new Uint8Array(this.buffer.length * 2);
    larger.set(this.buffer);
    this.buffer = larger;
  }
}
