import { type Worker } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { OWN, type MemoryUse, type OptionValue, type Spec } from '../spec.js';
import { wasmPath } from './build-wasm.js';
import { rivalNamed } from './catalogue.js';
import { type ObjectRival } from './objects.js';
import { type PoolTicket } from './pools.js';
import { wasmTickets, type WasmTicket } from './wasm.js';

/** What a worker is given to enter an allocator: `enter.ts` takes it. */
export type Ticket =
  | { readonly kind: 'own'; readonly token: Heap['token']; readonly unsafe: boolean }
  | WasmTicket
  | PoolTicket
  | { readonly kind: 'npm-malloc'; readonly bytes: number }
  | { readonly kind: 'objects'; readonly name: ObjectRival }
  | { readonly kind: 'messages' };

/** The main thread's part of an allocator under test. */
export interface Ground {
  readonly tickets: readonly Ticket[];
  watch(worker: Worker): void;
  /** After all workers left. */
  memory(): MemoryUse | undefined;
  close(): void;
}

/** The heap that the flags describe. `create` itself refuses names and values that are none. */
export function createHeap(spec: { preset: string; options: Readonly<Record<string, OptionValue>> }): Heap {
  return Heap.create({ preset: spec.preset, ...spec.options } as Parameters<typeof Heap.create>[0]);
}

class OwnGround implements Ground {
  readonly tickets: readonly Ticket[];
  readonly #heap: Heap;
  readonly #verify: boolean;

  constructor(spec: Spec) {
    this.#heap = createHeap(spec);
    this.#verify = spec.verify;
    const ticket: Ticket = { kind: 'own', token: this.#heap.token, unsafe: spec.unsafe };
    this.tickets = new Array<Ticket>(spec.workers).fill(ticket);
  }

  watch(worker: Worker): void {
    this.#heap.watch(worker);
  }

  memory(): MemoryUse {
    this.#heap.collect();
    const { committedBytes, peakCommittedBytes, liveBlocks } = this.#heap.stats();
    if (this.#verify && liveBlocks !== 0) {
      throw new Error(`verify: ${liveBlocks} blocks are live after all were freed.`);
    }
    if (this.#verify) this.#heap.check();
    return { committedBytes, peakCommittedBytes };
  }

  close(): void {
    this.#heap.detach();
  }
}

/** A rival has neither statistics nor anything to give back: its memory goes with the process. */
class RivalGround implements Ground {
  readonly tickets: readonly Ticket[];

  constructor(tickets: readonly Ticket[]) {
    this.tickets = tickets;
  }

  watch(): void {}

  memory(): undefined {}

  close(): void {}
}

/** Pools are of a fixed size: twice what lives at a time, and some for what gets lost between blocks. */
const poolBytes = ({ workers, slots, sizeMax }: Spec): number =>
  Math.min(2 ** 30, 2 ** 24 + 2 * workers * slots * (sizeMax + 32));

async function rivalTickets(spec: Spec): Promise<readonly Ticket[]> {
  const { reach } = rivalNamed(spec.allocator);
  const forAll = (ticket: Ticket): Ticket[] => new Array<Ticket>(spec.workers).fill(ticket);
  switch (reach.kind) {
    case 'wasm':
      return wasmTickets(wasmPath(reach.malloc), spec.workers);
    case 'pool':
      if (reach.module === 'malloc') return forAll({ kind: 'npm-malloc', bytes: poolBytes(spec) });
      return forAll((await import('./pools.js')).poolTicket(poolBytes(spec), spec.workers > 1));
    case 'objects':
      return forAll({ kind: 'objects', name: reach.name });
    case 'messages':
      return forAll({ kind: 'messages' });
    case 'native':
      throw new Error(`${spec.allocator} runs without workers.`);
  }
}

export async function groundFor(spec: Spec): Promise<Ground> {
  return spec.allocator === OWN ? new OwnGround(spec) : new RivalGround(await rivalTickets(spec));
}
