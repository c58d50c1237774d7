import { type Allocator, type ArrayAllocator } from '../allocator.js';
import { type Entry } from '../entry.js';
import { type Marks } from '../marker.js';
import { type Seat } from '../scenario.js';
import { type Slots } from '../slots.js';
import { type Spec } from '../spec.js';

/** What the engine itself hands out: objects of one worker, freed by forgetting them. */
export const OBJECT_RIVALS = ['SharedArrayBuffer', 'Uint8Array', 'Buffer.allocUnsafe', 'Float32Array'] as const;
export type ObjectRival = (typeof OBJECT_RIVALS)[number];

type Block = SharedArrayBuffer | Uint8Array | undefined;

abstract class Engine implements Allocator<Block> {
  abstract malloc(bytes: number): Block;
  free(_block: Block): void {}
}

class SharedBuffers extends Engine {
  override malloc(bytes: number): Block {
    return new SharedArrayBuffer(bytes);
  }
}

class PlainArrays extends Engine {
  override malloc(bytes: number): Block {
    return new Uint8Array(bytes);
  }
}

class UnsafeBuffers extends Engine {
  override malloc(bytes: number): Block {
    return Buffer.allocUnsafe(bytes);
  }
}

class ObjectMarker implements Marks<Block> {
  readonly active: boolean;

  constructor({ touch }: Spec) {
    this.active = touch;
  }

  placed(_slots: Slots<Block>, _slot: number, block: Block, size: number): void {
    if (size < 4) return;
    // Whoever wants to write into a SharedArrayBuffer needs a view of it.
    const bytes = block instanceof SharedArrayBuffer ? new Uint8Array(block) : (block as Uint8Array);
    bytes[0] = size;
    bytes[size - 1] = size;
  }

  leaving(slots: Slots<Block>, slot: number): void {
    slots.addresses[slot] = undefined;
  }
}

const float32Arrays: Record<Exclude<ObjectRival, 'Uint8Array'>, (length: number) => Float32Array> = {
  Float32Array: (length) => new Float32Array(length),
  SharedArrayBuffer: (length) => new Float32Array(new SharedArrayBuffer(length * 4)),
  'Buffer.allocUnsafe': (length) => {
    const { buffer, byteOffset } = Buffer.allocUnsafe(length * 4);
    return new Float32Array(buffer, byteOffset, length);
  },
};

function heapOf(name: ObjectRival): Engine {
  switch (name) {
    case 'SharedArrayBuffer':
      return new SharedBuffers();
    case 'Buffer.allocUnsafe':
      return new UnsafeBuffers();
    default:
      return new PlainArrays();
  }
}

export function enterObjects(name: ObjectRival): Entry<Block> {
  const alloc = name === 'Uint8Array' ? undefined : float32Arrays[name];
  const arrays: ArrayAllocator | undefined = alloc && { alloc, free: () => {} };
  return {
    heap: heapOf(name),
    ...(arrays === undefined ? {} : { arrays }),
    marksFor: (spec) => new ObjectMarker(spec),
    tableOf: (seat: Seat) => ({
      addresses: new Array<Block>(seat.tableSlots).fill(undefined),
      sizes: new Uint32Array(0),
    }),
    leave: () => {},
  };
}
