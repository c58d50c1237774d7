import { type Heap } from 'sabmalloc';

type Patches = Partial<Record<keyof Heap, (...args: any[]) => unknown>>;

/** A heap of which some methods are replaced; the others, and its fields, are its own. */
function patched(heap: Heap, patches: Patches): Heap {
  return new Proxy(heap, {
    get(target, name: keyof Heap) {
      const member = patches[name] ?? target[name];
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** Heaps with a bug each, as `fuzzHeap({ wrap })` takes them. */
export const PLANTED = {
  'loses a block that is freed': (heap: Heap) =>
    patched(heap, {
      free(target) {
        if (typeof target !== 'number' || target % 4096 !== 1024) heap.free(target);
      },
    }),
  'hands a block out twice': (heap: Heap) => {
    let last = 0;
    const isLive = (address: number): boolean => [...heap.blocks()].some((block) => block.address === address);
    return patched(heap, {
      malloc(bytes, alignment) {
        const isAgain = bytes === 100 && last !== 0 && isLive(last) && heap.usableSize(last) >= 100;
        return isAgain ? last : (last = heap.malloc(bytes, alignment));
      },
    });
  },
  'leaves old bytes in calloc': (heap: Heap) =>
    patched(heap, {
      calloc(bytes, alignment) {
        const address = heap.calloc(bytes, alignment);
        if (bytes >= 1000) heap.u8[address + 999] = 1;
        return address;
      },
    }),
  'damages what realloc moves': (heap: Heap) =>
    patched(heap, {
      realloc(address, bytes) {
        const moved = heap.realloc(address, bytes);
        if (moved !== address && address !== 0 && bytes > 100) heap.u8[moved] ^= 1;
        return moved;
      },
    }),
  'writes past the end of a block': (heap: Heap) =>
    patched(heap, {
      alloc(type, length) {
        const view = heap.alloc<Uint8Array>(type, length);
        heap.u8[view.byteOffset + heap.usableSize(view.byteOffset)] ^= 1;
        return view;
      },
    }),
  'forgives a double free': (heap: Heap) =>
    patched(heap, {
      free(target) {
        try {
          heap.free(target);
        } catch (error) {
          if ((error as { code?: string }).code !== 'ERR_HEAP_DOUBLE_FREE') throw error;
        }
      },
    }),
  'throws the wrong code': (heap: Heap) =>
    patched(heap, {
      usableSize(address) {
        try {
          return heap.usableSize(address);
        } catch {
          throw new RangeError(`no block at ${String(address)}`);
        }
      },
    }),
  'keeps part of a batch that is refused': (heap: Heap) =>
    patched(heap, {
      mallocMany(bytes, count, out) {
        try {
          return heap.mallocMany(bytes, count, out);
        } catch (error) {
          if ((error as { code?: string }).code === 'ERR_HEAP_OUT_OF_MEMORY') heap.tryMalloc(bytes);
          throw error;
        }
      },
    }),
  'answers after detach': (heap: Heap) =>
    patched(heap, {
      stats() {
        try {
          return heap.stats();
        } catch {
          return {};
        }
      },
    }),
} as const satisfies Record<string, (heap: Heap) => Heap>;

/** Bugs that show only where several workers are attached. */
export const PLANTED_BETWEEN_WORKERS = {
  "loses a free of another worker's block": (heap: Heap) =>
    patched(heap, {
      free(target) {
        const block = [...heap.blocks()].find(({ address }) => address === target);
        if (block === undefined || block.owner === heap.workerId) heap.free(target);
      },
    }),
  'does not hear of an exit': (heap: Heap) =>
    patched(heap, {
      watch: (worker: { once?: unknown }, id?: number) => {
        if (typeof worker.once !== 'function' || id !== undefined) heap.watch(worker as never, id);
      },
    }),
} as const satisfies Record<string, (heap: Heap) => Heap>;
