import { Heap } from 'sabmalloc';
import { type ArrayAllocator } from '../allocator.js';
import { AddressEntry, type Entry } from '../entry.js';
import { type Ticket } from './ground.js';

class ZeroedArrays implements ArrayAllocator {
  readonly heap: Heap;

  constructor(heap: Heap) {
    this.heap = heap;
  }

  alloc(length: number): Float32Array {
    return this.heap.alloc(Float32Array, length);
  }

  free(array: Float32Array): void {
    this.heap.free(array);
  }
}

class UnsafeArrays extends ZeroedArrays {
  override alloc(length: number): Float32Array {
    return this.heap.allocUnsafe(Float32Array, length);
  }
}

function enterOwn({ token, unsafe }: Extract<Ticket, { kind: 'own' }>): Entry {
  const heap = Heap.attach(token);
  return new AddressEntry({
    heap,
    arrays: unsafe ? new UnsafeArrays(heap) : new ZeroedArrays(heap),
    alignment: 16,
    leave: () => {
      heap.collect();
      heap.detach();
    },
  });
}

/** Takes a worker into an allocator. Rivals are loaded when asked for: our own runs know nothing of them. */
export async function enter(ticket: Ticket): Promise<Entry<unknown>> {
  switch (ticket.kind) {
    case 'own':
      return enterOwn(ticket);
    case 'wasm':
      return (await import('./wasm.js')).enterWasm(ticket);
    case 'pool':
      return (await import('./pools.js')).enterPool(ticket);
    case 'npm-malloc':
      return (await import('./pools.js')).enterNpmMalloc(ticket.bytes);
    case 'objects':
      return (await import('./objects.js')).enterObjects(ticket.name);
    case 'messages':
      return (await import('./objects.js')).enterObjects('Uint8Array');
  }
}
