import { readTraceFile, type Trace } from 'sabmalloc/trace';
import { TRACES_FOLDER } from './paths.js';

/** Reads a trace: one of `bench/traces` by name, or any file by a path that ends in `.bin.gz`. */
export function readTrace(nameOrPath: string): Trace {
  const path = nameOrPath.endsWith('.bin.gz') ? nameOrPath : `${TRACES_FOLDER}/${nameOrPath}.bin.gz`;
  return readTraceFile(path, nameOrPath);
}
