import { HeapError } from '../base/errors.js';
import type { TypedArray, TypedArrayConstructor } from './arrays.js';
import type { Blocks } from './blocks.js';
import type { FastPath } from './fast.js';
import type { Resize } from './resize.js';

/** What a scope needs of its heap. */
export interface ScopedHeap extends Blocks {
  readonly malloc: FastPath['malloc'];
  readonly free: FastPath['free'];
  /** Told the address of every block that a scope lets go of. */
  readonly keep?: (address: number) => void;
  readonly resize: Resize;
}

/**
 * Blocks that are freed together: at the end of `heap.scope(fn)`, by `reset()`, or when the scope is disposed. Of one thread, as the
 * heap it is made of. What comes from it is freed by it and by nothing else, unless `keep` takes it out.
 */
export class Scope {
  private readonly heap: ScopedHeap;
  /** Addresses, the oldest first. */
  private readonly blocks = new Set<number>();
  private readonly inner = new Set<Scope>();
  private readonly outer: Scope | undefined;
  private isOver = false;

  constructor(heap: ScopedHeap, outer?: Scope) {
    this.heap = heap;
    this.outer = outer;
  }

  /** Blocks that the scope would free now, those of scopes within it not counted. */
  get size(): number {
    return this.blocks.size;
  }

  malloc(bytes: number, alignment?: number): number {
    this.check('malloc');
    return this.enter(this.heap.malloc(bytes, alignment));
  }

  calloc(bytes: number, alignment?: number): number {
    this.check('calloc');
    return this.enter(this.heap.calloc(bytes, alignment));
  }

  realloc(address: number, bytes: number): number {
    this.check('realloc');
    if (address !== 0) this.checkMember('realloc', address);
    const moved = this.heap.realloc(address, bytes);
    this.blocks.delete(address);
    return this.enter(moved);
  }

  alloc<View extends TypedArray>(type: TypedArrayConstructor<View>, length: number): View {
    this.check('alloc');
    const view = this.heap.alloc(type, length);
    this.enter(view.byteOffset);
    return view;
  }

  allocUnsafe<View extends TypedArray>(type: TypedArrayConstructor<View>, length: number): View {
    this.check('allocUnsafe');
    const view = this.heap.allocUnsafe(type, length);
    this.enter(view.byteOffset);
    return view;
  }

  /** `heap.resize` for a view of the scope: returns the view to use from then on, which is the scope's too. */
  resize<View extends TypedArray>(view: View, length: number): View {
    this.check('resize');
    this.checkMember('resize', view);
    const resized = this.heap.resize(view, length);
    this.blocks.delete(view.byteOffset);
    this.enter(resized.byteOffset);
    return resized;
  }

  /** Frees one block before the others. 0, null and undefined do nothing. */
  free(target: number | TypedArray | null | undefined): void {
    this.check('free');
    if (target === 0 || target === null || target === undefined) return;
    this.checkMember('free', target);
    this.heap.free(target);
    this.blocks.delete(placeOf(target));
  }

  /** Takes a block out of the scope, by its address or view, and returns what it was given: the caller frees it from now on. */
  keep<Target extends number | TypedArray>(target: Target): Target {
    this.check('keep');
    this.checkMember('keep', target);
    this.blocks.delete(placeOf(target));
    this.heap.keep?.(placeOf(target));
    return target;
  }

  /** A scope within this one, which ends with it at the latest. */
  scope(): Scope;
  scope<Result>(fn: (scope: Scope) => Result): Result;
  scope<Result>(fn?: (scope: Scope) => Result): Scope | Result {
    this.check('scope');
    const inner = new Scope(this.heap, this);
    this.inner.add(inner);
    return fn === undefined ? inner : runScope(inner, fn);
  }

  /**
   * Frees everything that was allocated so far, the newest first, and ends the scopes within. If a block can't be freed, the others
   * are, and the first error is thrown.
   */
  reset(): void {
    this.check('reset');
    this.empty();
  }

  /** Frees everything and ends the scope: every later call throws. Doing it again does nothing. */
  [Symbol.dispose](): void {
    if (this.isOver) return;
    this.isOver = true;
    this.outer?.inner.delete(this);
    this.empty();
  }

  private empty(): void {
    const errors: unknown[] = [];
    const blocks = [...this.blocks].reverse();
    const inner = [...this.inner].reverse();
    this.blocks.clear();
    this.inner.clear();
    for (const scope of inner) attempt(errors, () => scope[Symbol.dispose]());
    for (const address of blocks) attempt(errors, () => this.heap.free(address));
    if (errors.length > 0) throw errors[0];
  }

  private enter(address: number): number {
    this.blocks.add(address);
    return address;
  }

  private check(call: string): void {
    if (this.isOver)
      throw new HeapError(
        'ERR_HEAP_DETACHED',
        `${call}: this scope has ended, and what came from it is freed; keep() what outlives it, or allocate from the heap`,
      );
  }

  private checkMember(call: string, target: unknown): void {
    const address = placeOf(target);
    if (!this.blocks.has(address))
      throw new HeapError(
        call === 'free' ? 'ERR_HEAP_INVALID_FREE' : 'ERR_HEAP_INVALID_ADDRESS',
        `${call}: the block is not of this scope, or not any more; pass what this scope allocated`,
        { address },
      );
  }
}

function placeOf(target: unknown): number {
  return typeof target === 'number' ? target : ((target as TypedArray | null | undefined)?.byteOffset ?? 0);
}

function attempt(errors: unknown[], work: () => void): void {
  try {
    work();
  } catch (error) {
    errors.push(error);
  }
}

/** Runs `fn` and ends the scope with it, or when the promise that it returns is settled. An error of `fn` wins over one of freeing. */
export function runScope<Result>(scope: Scope, fn: (scope: Scope) => Result): Result {
  let result: Result;
  try {
    result = fn(scope);
  } catch (error) {
    attempt([], () => scope[Symbol.dispose]());
    throw error;
  }
  if (isPromiseLike(result)) return endAfter(scope, result) as Result;
  scope[Symbol.dispose]();
  return result;
}

async function endAfter(scope: Scope, result: PromiseLike<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await result;
  } catch (error) {
    attempt([], () => scope[Symbol.dispose]());
    throw error;
  }
  scope[Symbol.dispose]();
  return value;
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}
