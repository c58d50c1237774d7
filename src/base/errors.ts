/** Every way in which a call can fail, of the heap or of what lives in it. A code is stable: programs may switch on it. */
export type HeapErrorCode =
  | 'ERR_HEAP_CONFIG'
  | 'ERR_HEAP_TOKEN'
  | 'ERR_HEAP_WORKERS'
  | 'ERR_HEAP_OUT_OF_MEMORY'
  | 'ERR_HEAP_INVALID_SIZE'
  | 'ERR_HEAP_INVALID_ALIGNMENT'
  | 'ERR_HEAP_INVALID_FREE'
  | 'ERR_HEAP_DOUBLE_FREE'
  | 'ERR_HEAP_INVALID_ADDRESS'
  | 'ERR_HEAP_DETACHED'
  | 'ERR_HEAP_CORRUPT'
  | 'ERR_SYNC_ARGUMENT'
  | 'ERR_SYNC_KIND'
  | 'ERR_SYNC_MAY_NOT_BLOCK'
  | 'ERR_SYNC_TIMEOUT'
  | 'ERR_SYNC_DEADLOCK'
  | 'ERR_SYNC_NOT_HOLDER'
  | 'ERR_SYNC_OWNER_DIED'
  | 'ERR_SYNC_BROKEN'
  | 'ERR_SYNC_BUSY';

/** The numbers behind an error, as properties of the error itself. */
export type HeapErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The one error class of this package. `code` says what went wrong, the message what to do about it, and the
 * numbers of the case (`address`, `requestedBytes`, `maxBytes`, ...) are properties of the error.
 * An error leaves the heap as it was before the call.
 */
export class HeapError extends Error {
  readonly code: HeapErrorCode;
  [detail: string]: unknown;

  constructor(code: HeapErrorCode, message: string, details: HeapErrorDetails = {}) {
    super(message);
    this.name = 'HeapError';
    this.code = code;
    Object.assign(this, details);
  }
}

/** Throws ERR_HEAP_CORRUPT: shared memory contradicts itself, so somebody wrote where no block of theirs was. */
export function corrupt(what: string, details: HeapErrorDetails): never {
  const numbers = Object.entries(details)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
  throw new HeapError('ERR_HEAP_CORRUPT', `${what} (${numbers})`, details);
}

/** A value in a message: short, and never throws whatever it is given. */
export function show(value: unknown): string {
  try {
    return describe(value);
  } catch {
    // A revoked proxy, or a getter that throws.
    return `[${typeof value}]`;
  }
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `[function ${value.name}]`;
  if (typeof value === 'object' && value !== null) return Object.prototype.toString.call(value);
  return String(value);
}
