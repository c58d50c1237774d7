import { readTrace as readFile, type Trace } from 'sabmalloc/trace';
import { TRACES_FOLDER } from './paths.js';

export { TraceOp, type Trace } from 'sabmalloc/trace';

/** Reads a trace: one of `bench/traces` by name, or any file by a path that ends in `.bin.gz`. */
export function readTrace(nameOrPath: string): Trace {
  return readFile(nameOrPath.endsWith('.bin.gz') ? nameOrPath : `${TRACES_FOLDER}/${nameOrPath}.bin.gz`);
}
