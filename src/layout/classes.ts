import { Geometry } from './geometry.js';

/**
 * Size classes. Up to 128 bytes every multiple of 16; above, each class is the largest of its series that keeps the
 * waste of the smallest request it serves at or under 12.5 %: seven classes from 128 to 256, then six a doubling
 * (18, 20, 22, 25, 28 and 32 sixteenths of the power of two below), up to 32 KiB; and one of 64 KiB. Powers of two are always classes, which is what
 * aligned requests are served from.
 */
function buildClassSizes(): number[] {
  const sizes = [0];
  for (let bytes = 16; bytes <= 128; bytes += 16) sizes.push(bytes);
  sizes.push(144, 160, 176, 192, 208, 224, 256);
  for (let base = 256; base < Geometry.MID_MAX_BYTES; base *= 2)
    for (const sixteenths of [18, 20, 22, 25, 28, 32]) sizes.push((base / 16) * sixteenths);
  sizes.push(Geometry.SLAB_BLOCK_MAX_BYTES);
  return sizes;
}

const sizes = buildClassSizes();

export const enum Classes {
  /** Class ids are 1 .. COUNT; 0 means "no class". */
  COUNT = 58,
  /** First class of the Mid regime (above 1 KiB). */
  FIRST_MID = 28,
}

/** Largest request of the Tiny regime, where size classes are closest. */
export const TINY_MAX_BYTES: number = Geometry.TINY_MAX_BYTES;

/** Bytes of a block, by class id. */
export const CLASS_BYTES: Int32Array = Int32Array.from(sizes);

/**
 * Class id by size: `CLASS_OF[(bytes + 15) >>> 4]`, for sizes up to SLAB_BLOCK_MAX_BYTES. One load serves all of them. 0 for
 * the sizes between Mid and the last class, which are spans.
 */
export const CLASS_OF: Uint8Array = buildClassOf();

function buildClassOf(): Uint8Array {
  const table = new Uint8Array(Geometry.SLAB_BLOCK_MAX_BYTES / Geometry.GRANULE_BYTES + 1);
  let classId = 1;
  for (let granules = 0; granules < table.length; granules++) {
    while (CLASS_BYTES[classId] < granules * Geometry.GRANULE_BYTES) classId++;
    const bytes = granules * Geometry.GRANULE_BYTES;
    const isSpan = bytes > Geometry.MID_MAX_BYTES && bytes < Geometry.LAST_CLASS_FROM_BYTES;
    table[granules] = isSpan ? 0 : classId;
  }
  return table;
}

const CAPACITY_STRIDE = Geometry.SLAB_SLICES_MAX + 1;
const CAPACITY_BLOCKS: Int32Array = Int32Array.from({ length: CLASS_BYTES.length * CAPACITY_STRIDE }, (_, i) =>
  Math.floor(((i % CAPACITY_STRIDE) * Geometry.SLICE_BYTES) / CLASS_BYTES[Math.floor(i / CAPACITY_STRIDE)]),
);

/**
 * Blocks that fit into `slices` slices. A look-up, since a division for each block that comes home shows; but a count that
 * is no slab's, from a table that was written over, must not give another class's number, or none.
 */
export function capacityBlocks(classId: number, slices: number): number {
  if (slices < CAPACITY_STRIDE) return CAPACITY_BLOCKS[classId * CAPACITY_STRIDE + slices];
  return Math.floor((slices * Geometry.SLICE_BYTES) / CLASS_BYTES[classId]);
}

function tailWaste(classId: number, slices: number): number {
  return 1 - (capacityBlocks(classId, slices) * CLASS_BYTES[classId]) / (slices * Geometry.SLICE_BYTES);
}

/** Fewest slices a slab of this class may have: the first slab of a class is this small. */
function minSlices(classId: number): number {
  const bytes = CLASS_BYTES[classId];
  const wantedBlocks = bytes <= 512 ? 8 : bytes <= 2048 ? 4 : bytes <= 8192 ? 2 : 1;
  for (let slices = 1; ; slices++)
    if (capacityBlocks(classId, slices) >= wantedBlocks && tailWaste(classId, slices) <= 0.07) return slices;
}

/** Slices of a grown slab: about one page, for large classes two, whichever wastes least at its end; one block of the last class. */
function maxSlices(classId: number): number {
  if (CLASS_BYTES[classId] > Geometry.MID_MAX_BYTES) return minSlices(classId);
  const most = CLASS_BYTES[classId] <= 8192 ? Geometry.PAGE_SLICES : Geometry.SLAB_SLICES_MAX;
  let best = most;
  for (let slices = most; slices > most / 2; slices--)
    if (tailWaste(classId, slices) < tailWaste(classId, best) - 0.005) best = slices;
  return Math.max(best, minSlices(classId));
}

export const SLAB_SLICES_FIRST: Int32Array = CLASS_BYTES.map((_, classId) => (classId === 0 ? 0 : minSlices(classId)));
export const SLAB_SLICES_FULL: Int32Array = CLASS_BYTES.map((_, classId) => (classId === 0 ? 0 : maxSlices(classId)));

/**
 * Slices of the next slab of a class that already has `ownedSlices`: at most half as much again, so committed memory
 * follows live memory, until a grown class carves whole pages.
 */
export function nextSlabSlices(classId: number, ownedSlices: number): number {
  const full = SLAB_SLICES_FULL[classId];
  const most = ownedSlices >>> 1;
  if (most >= full) return full;
  let slices = SLAB_SLICES_FIRST[classId];
  while (slices * 2 <= most) slices *= 2;
  return slices;
}

/**
 * Which granules of a word of 32 start a block, when the first block of the word starts at its bit 0:
 * `START_PATTERN[granulesPerBlock]`, for blocks of fewer than 32 granules.
 */
export const START_PATTERN: Int32Array = Int32Array.from({ length: 33 }, (_, granules) => {
  let pattern = 0;
  if (granules > 0) for (let bit = 0; bit < 32; bit += granules) pattern |= 1 << bit;
  return pattern;
});

/** The smallest class of at least `bytes` whose blocks all lie on multiples of `alignment`; 0 if there is none. */
export function alignedClass(bytes: number, alignment: number): number {
  const least = Math.max(bytes, alignment);
  if (least > Geometry.SLAB_BLOCK_MAX_BYTES || alignment > Geometry.SLICE_BYTES) return 0;
  let classId = CLASS_OF[(least + 15) >>> 4];
  while (classId <= Classes.COUNT && CLASS_BYTES[classId] % alignment !== 0) classId++;
  return classId <= Classes.COUNT ? classId : 0;
}
