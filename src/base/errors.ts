import { countText, DENO_INSPECT, hexText, NODE_INSPECT, type Inspect } from './show.js';

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
  | 'ERR_HEAP_DEFINITION'
  | 'ERR_HEAP_VALUE'
  | 'ERR_HEAP_STALE_HANDLE'
  | 'ERR_HEAP_DETACHED'
  | 'ERR_HEAP_CORRUPT'
  | 'ERR_SYNC_ARGUMENT'
  | 'ERR_HEAP_KIND'
  | 'ERR_SYNC_MAY_NOT_BLOCK'
  | 'ERR_SYNC_TIMEOUT'
  | 'ERR_SYNC_DEADLOCK'
  | 'ERR_SYNC_NOT_HOLDER'
  | 'ERR_SYNC_OWNER_DIED'
  | 'ERR_SYNC_BROKEN'
  | 'ERR_SYNC_BUSY'
  | 'ERR_COLLECTION_CLOSED'
  | 'ERR_COLLECTION_ARGUMENT'
  | 'ERR_COLLECTION_TYPE'
  | 'ERR_COLLECTION_FULL'
  | 'ERR_COLLECTION_INDEX';

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

  /** What consoles show: the message with its code, where it was thrown, and the numbers, a line each. */
  [NODE_INSPECT](depth?: number, options?: object, inspect?: Inspect): string {
    const title = `${this.name} [${this.code}]: ${this.message}`;
    if (depth !== undefined && depth < 0) return `[${title}]`;
    const { code: _, name: __, ...details } = this;
    const frames = this.stack?.split('\n').filter((line) => /^ +at /.test(line)) ?? [];
    const width = Math.max(...Object.keys(details).map((name) => name.length));
    const numbers = Object.entries(details).map(
      ([name, value]) => `  ${name.padEnd(width)}  ${detailText(name, value, (each) => inspect?.(each, options))}`,
    );
    return [title, ...frames, ...numbers].join('\n');
  }

  [DENO_INSPECT](inspect: Inspect, options?: object): string {
    return this[NODE_INSPECT](0, options, inspect);
  }
}

/** One number of an error: addresses in hex as well, what is no number in the runtime's own way. */
function detailText(name: string, value: unknown, inspect: (value: unknown) => string | undefined): string {
  if (typeof value !== 'number' || !Number.isInteger(value)) return inspect(value) ?? show(value);
  return name === 'address' && value >= 0 ? `${hexText(value)} (${value})` : countText(value);
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
