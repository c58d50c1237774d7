import { MemPool } from '@thi.ng/malloc';
import NpmMalloc from 'malloc';
import { type Allocator, type Memory } from '../allocator.js';
import { AddressEntry } from '../entry.js';
import { Lock } from './lock.js';
import { outOfMemory } from './wasm.js';

export interface PoolTicket {
  readonly kind: 'pool';
  readonly buffer: SharedArrayBuffer;
  readonly locked: boolean;
}

/** Byte 0 holds the lock; the pool starts on the next cache line. */
const POOL_START = 64;

export function poolTicket(bytes: number, locked: boolean): PoolTicket {
  const buffer = new SharedArrayBuffer(bytes);
  new MemPool({ buf: buffer, start: POOL_START, align: 16 });
  return { kind: 'pool', buffer, locked };
}

abstract class Views implements Memory {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;

  constructor(buffer: ArrayBufferLike) {
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }
}

/** `@thi.ng/malloc` keeps its state in the buffer, so that workers can share a pool if they take turns. */
class ThingPool extends Views implements Allocator {
  protected readonly pool: MemPool;

  constructor(buffer: SharedArrayBuffer) {
    super(buffer);
    this.pool = new MemPool({ buf: buffer, start: POOL_START, align: 16, skipInitialization: true });
  }

  malloc(bytes: number): number {
    const address = this.pool.malloc(bytes);
    return address === 0 ? outOfMemory(bytes) : address;
  }

  free(address: number): void {
    this.pool.free(address);
  }
}

class LockedThingPool extends ThingPool {
  readonly #lock: Lock;

  constructor(buffer: SharedArrayBuffer) {
    super(buffer);
    this.#lock = new Lock(new Int32Array(buffer, 0, 1));
  }

  override malloc(bytes: number): number {
    this.#lock.acquire();
    const address = this.pool.malloc(bytes);
    this.#lock.release();
    return address === 0 ? outOfMemory(bytes) : address;
  }

  override free(address: number): void {
    this.#lock.acquire();
    this.pool.free(address);
    this.#lock.release();
  }
}

export function enterPool({ buffer, locked }: PoolTicket): AddressEntry {
  return new AddressEntry({ heap: locked ? new LockedThingPool(buffer) : new ThingPool(buffer), alignment: 16 });
}

/** The `malloc` of npm, over a buffer of this worker's own: it has no lock and takes no shared memory. */
class NpmHeap extends Views implements Allocator {
  readonly #heap: NpmMalloc;

  constructor(buffer: ArrayBuffer) {
    super(buffer);
    this.#heap = new NpmMalloc(buffer);
  }

  malloc(bytes: number): number {
    const address = this.#heap.alloc(bytes);
    return address === 0 ? outOfMemory(bytes) : address;
  }

  free(address: number): void {
    this.#heap.free(address);
  }
}

export function enterNpmMalloc(bytes: number): AddressEntry {
  return new AddressEntry({ heap: new NpmHeap(new ArrayBuffer(bytes)), alignment: 8 });
}
