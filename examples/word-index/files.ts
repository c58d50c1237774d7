/** The files below a folder, and the parcels in which workers get them. */
import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { struct, u32 } from 'sabmalloc/structs';

/** A text file is not larger, and has no NUL byte. */
export const MAX_FILE_BYTES = 16 * 1024 * 1024;
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

/** What became of a parcel. */
export const Outcome = struct('Outcome', {
  files: u32,
  bytes: u32,
  words: u32,
  /** (word, file) pairs. */
  postings: u32,
  overlongWords: u32,
  binary: u32,
  tooLarge: u32,
  unreadable: u32,
});
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

/** The bytes of a text file, or why there are none. */
export function readText(path: string): Buffer | SkipReason {
  try {
    if (statSync(path).size > MAX_FILE_BYTES) return 'tooLarge';
    const bytes = readFileSync(path);
    return bytes.includes(0) ? 'binary' : bytes;
  } catch {
    return 'unreadable';
  }
}
