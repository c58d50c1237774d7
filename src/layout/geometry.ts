/**
 * Sizes that every worker of a heap must agree on. They are compile-time constants: the engine folds them, and their
 * fingerprint lies in the region's header, so a build with another geometry refuses to attach.
 *
 * Vocabulary, one meaning each:
 * - **region**: the shared memory a heap lives in. **address**: byte offset into its buffer.
 * - **segment**: 4 MiB, the unit in which a region grows; a worker looks for free slices in its home segment first.
 * - **page**: 64 KiB; what a slab grows to. **slice**: 4 KiB, a sixteenth of a page: the unit in which memory is claimed,
 *   so that a class with a few blocks costs one slice and not a page.
 * - **slab**: 1 to 32 slices holding blocks of one class. **span**: a run of slices holding one large block.
 * - **granule**: 16 bytes, the unit of block sizes. **block**: what one allocation returns.
 */
export const enum Geometry {
  GRANULE_SHIFT = 4,
  GRANULE_BYTES = 16,
  SLICE_SHIFT = 12,
  SLICE_BYTES = 4096,
  /** Granules of one slice. */
  SLICE_GRANULES = 256,
  PAGE_SLICES = 16,
  SEGMENT_SHIFT = 22,
  SEGMENT_BYTES = 4194304,
  SEGMENT_SLICES = 1024,
  /** Largest slab, and the largest run that one compare-and-swap can claim: the bits of one bitmap word. */
  SLAB_SLICES_MAX = 32,
  /** Size classes are dense up to here. */
  MID_MAX_BYTES = 32768,
  /** Blocks of the last class: 64 KiB, a size of many buffers. Requests between MID_MAX_BYTES and LAST_CLASS_FROM_BYTES are spans. */
  SLAB_BLOCK_MAX_BYTES = 65536,
  LAST_CLASS_FROM_BYTES = 57345,
  /** Size regimes: Tiny to here, Mid to MID_MAX_BYTES and the last class, Large above, Huge from HUGE_MIN_BYTES. */
  TINY_MAX_BYTES = 1024,
  HUGE_MIN_BYTES = 1048576,
  ALIGNMENT_MAX_BYTES = 65536,
  /** Words of a cache line: 64 bytes nearly everywhere. */
  LINE_WORDS = 16,
  REGION_MIN_BYTES = 524288,
  /** 2^32: addresses are unsigned 32-bit numbers. */
  REGION_MAX_BYTES = 4294967296,
  WORKERS_MAX = 1023,
}

/** Text that goes into the geometry fingerprint; `classSizes` from classes.ts. */
export function geometryText(classSizes: Iterable<number>): string {
  return [
    Geometry.GRANULE_SHIFT,
    Geometry.SLICE_SHIFT,
    Geometry.SEGMENT_SHIFT,
    Geometry.SLAB_SLICES_MAX,
    Geometry.SLAB_BLOCK_MAX_BYTES,
    Geometry.LINE_WORDS,
    ...classSizes,
  ].join(',');
}
