import { type Heap, HeapError, type HeapErrorCode, type HeapToken } from '../index.js';
import { damage, nonZero, stamp } from './stamp.js';
import { TYPES } from './typed-arrays.js';

/** Names of the heap's methods. */
export type Method = {
  [Name in keyof Heap]: Heap[Name] extends (...args: never[]) => unknown ? Name & string : never;
}[keyof Heap];

/** A typed array constructor, in a form that can be sent. */
export interface TypeName {
  readonly typedArray: string;
}

/** A stamped block. */
export interface Stamped {
  readonly address: number;
  readonly bytes: number;
  readonly tag: number;
  /** How much of it to look at, if not all. */
  readonly kept?: number;
}

/** What whoever is attached to a heap can be told to do, in its own thread or in another. */
export type Task =
  | { readonly do: 'call'; readonly method: Method; readonly args: readonly unknown[] }
  /** Stamps blocks; says how many bytes each can hold. */
  | { readonly do: 'stamp'; readonly blocks: readonly Stamped[] }
  /** Looks for the first that is not as it was stamped: [its index, the byte], or undefined. */
  | { readonly do: 'inspect'; readonly blocks: readonly Stamped[] }
  | { readonly do: 'nonZero'; readonly address: number; readonly bytes: number }
  /** Allocates blocks of one size until one is refused; their addresses. */
  | { readonly do: 'fill'; readonly bytes: number };

function decode(arg: unknown): unknown {
  if (typeof arg !== 'object' || arg === null || !('typedArray' in arg)) return arg;
  return TYPES.find(({ name }) => name === arg.typedArray);
}

function call(heap: Heap, method: Method, args: readonly unknown[]): unknown {
  const methods = heap as unknown as Record<Method, (...args: unknown[]) => unknown>;
  const result = methods[method](...args.map(decode));
  return method === 'blocks' ? [...(result as Iterable<unknown>)] : result;
}

function inspect(heap: Heap, blocks: readonly Stamped[]): readonly [index: number, byte: number] | undefined {
  const { u8 } = heap;
  for (const [index, { address, bytes, tag, kept }] of blocks.entries()) {
    const byte = damage(u8, address, kept ?? bytes, tag, bytes);
    if (byte !== -1) return [index, byte];
  }
  return undefined;
}

function fill(heap: Heap, bytes: number): number[] {
  const addresses: number[] = [];
  for (let address; (address = heap.tryMalloc(bytes)) !== 0;) addresses.push(address);
  return addresses;
}

export function perform(heap: Heap, task: Task): unknown {
  switch (task.do) {
    case 'call':
      return call(heap, task.method, task.args);
    case 'stamp':
      for (const { address, bytes, tag } of task.blocks) stamp(heap.u8, address, bytes, tag);
      return task.blocks.map(({ address }) => heap.usableSize(address));
    case 'inspect':
      return inspect(heap, task.blocks);
    case 'nonZero':
      return nonZero(heap.u8, task.address, task.bytes);
    case 'fill':
      return fill(heap, task.bytes);
  }
}

/** How a thread ends without having left the heap. */
export const ENDINGS = ['terminated', 'threw', 'ran out of work'] as const;
export type Ending = (typeof ENDINGS)[number];

/** What an agent's thread is sent. */
export type Request =
  | { readonly id: number; readonly task: Task }
  | { readonly id: number; readonly attach: HeapToken }
  | { readonly id: number; readonly end: Ending };

export interface Failure {
  /** Undefined for an error that is none of the heap's own. */
  readonly code: HeapErrorCode | undefined;
  readonly message: string;
  /** The numbers among the properties of a heap's error. */
  readonly numbers?: Readonly<Record<string, number>>;
}

export interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly failure?: Failure;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof HeapError) {
    const numbers = Object.entries(error).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
    return { code: error.code, message: error.message, numbers: Object.fromEntries(numbers) };
  }
  return { code: undefined, message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** The error behind a failure in another thread, as if it had been thrown here. */
export function errorOf({ code, message, numbers }: Failure): Error {
  return code === undefined ? new Error(message) : new HeapError(code, message, numbers);
}
