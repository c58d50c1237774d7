import { HeapError } from 'sabmalloc';

export { ensure } from 'sabmalloc/testing';

/** Runs what must fail with one of these codes, and returns the error for a closer look. */
export function refused(codes: string | readonly string[], call: () => unknown): HeapError {
  const wanted = [codes].flat();
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    const isOurs = error instanceof HeapError && error instanceof Error && error.message !== '';
    if (isOurs && wanted.includes(error.code)) return error;
    throw new Error(`expected ${wanted.join(' or ')}, got: ${describe(error)}`, { cause: error });
  }
  throw new Error(`expected ${wanted.join(' or ')}, but it returned ${String(result)}`);
}

const describe = (error: unknown): string =>
  error instanceof HeapError ? `${error.code}: ${error.message}` : String(error);
