import { CLASS_BYTES, CLASS_OF } from '../layout/classes.js';
import { MapBits } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { CacheWord } from '../layout/offsets.generated.js';
import type { TypedArray } from './arrays.js';
import { Gate, type Attachment } from './attachment.js';

export type FastPath = ReturnType<typeof openFastPath>;

/*
 * What runs millions of times a second: a pop from and a push to a stack of this worker's own, with the checks that find
 * wrong addresses and blocks freed twice. No atomic operation, nothing allocated, nothing counted.
 *
 * Functions made anew for each heap, because then everything they name is a constant: engines put the place and the length
 * of `words` and all the offsets into the machine code instead of loading them again after every call (decision 0008).
 */
export function openFastPath(heap: Attachment) {
  const { region, owner, gate } = heap;
  const { addressOf: addressOfKnown } = heap.views;
  const { cacheWords } = owner.shape;
  const { map, bits, baseSlice, i32: words } = region;
  const { control } = owner;
  /** `slot << 8`: what the map words of own slabs have above the class. */
  const tag = owner.slot << MapBits.OWNER_SHIFT;
  /** Cache of a size, by `(bytes + 15) >>> 4`: the size class look-up and the place of its cache in one load. */
  const cacheOf = Int32Array.from(CLASS_OF, (classId) => owner.cache(classId));

  /** A block out of this worker's cache; 0 if there is none, or if `bytes` is no size that slabs serve. */
  function take(bytes: number): number {
    if (typeof bytes !== 'number') return 0;
    const size = bytes >>> 0;
    if (size !== bytes || size > gate[Gate.BYTES]) return 0;
    const cache = cacheOf[(size + 15) >>> 4];
    const count = words[cache];
    if (count <= 0) return 0;
    const granule = words[cache + (CacheWord.WORDS - 1) + count];
    // The count goes first: a worker killed between the two stores leaves a free block, not one held twice.
    words[cache] = count - 1;
    words[bits + ((granule >>> 5) << 1)] |= 1 << granule;
    return (granule << Geometry.GRANULE_SHIFT) >>> 0;
  }

  function malloc(bytes: number, alignment?: number): number {
    return (alignment === undefined && take(bytes)) || heap.allocate('malloc', bytes, alignment);
  }

  function free(target: number | TypedArray | null | undefined): void {
    const address = typeof target === 'number' ? target : addressOfKnown(target);
    const slice = address >>> Geometry.SLICE_SHIFT;
    if (address >>> 0 === address && (slice - baseSlice) >>> 0 < gate[Gate.SLICES] && (address & 15) === 0) {
      // Class if the slab is this worker's; anything else differs in the owner bits.
      const classId = words[map + slice] ^ tag;
      if (classId >>> 0 < MapBits.KINDS) {
        const granule = address >>> Geometry.GRANULE_SHIFT;
        const bit = 1 << granule;
        const at = bits + ((granule >>> 5) << 1);
        const live = words[at];
        const cache = control + Math.imul(classId, cacheWords);
        const count = words[cache];
        if ((live & ~words[at + 1] & bit) !== 0 && count < words[cache + CacheWord.CAPACITY]) {
          words[at] = live ^ bit;
          words[cache + CacheWord.WORDS + count] = granule;
          words[cache] = count + 1;
          return;
        }
      }
    }
    heap.free(target);
  }

  /** Bytes of a live block in a slab of this worker's; 0 for everything else. The look is the one that free() takes. */
  function ownBlockBytes(address: unknown): number {
    if (typeof address !== 'number' || address >>> 0 !== address || (address & 15) !== 0) return 0;
    const slice = address >>> Geometry.SLICE_SHIFT;
    if ((slice - baseSlice) >>> 0 >= gate[Gate.SLICES]) return 0;
    const classId = words[map + slice] ^ tag;
    if (classId >>> 0 >= MapBits.KINDS) return 0;
    const granule = address >>> Geometry.GRANULE_SHIFT;
    const at = bits + ((granule >>> 5) << 1);
    return (words[at] & ~words[at + 1] & (1 << granule)) === 0 ? 0 : CLASS_BYTES[classId];
  }

  return { take, malloc, free, ownBlockBytes };
}
