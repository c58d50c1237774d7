import * as atomics from '#atomics';
import { Classes } from '../layout/classes.js';
import { Geometry } from '../layout/geometry.js';
import { GoneWord, HeaderWord, SliceWord, SlotWord } from '../layout/offsets.generated.js';
import { announce, isHeard } from '../platform/diagnostics.js';
import { growBacking, type Memory, bufferOf } from './backing.js';
import { BIT_WORDS_PER_SLICE, MID_CLASSES, tableLayout, type TableSettings } from './tables.js';

/** Whose region it is, for a message about it. */
export function nameOf({ heapId, workerId }: Region): { readonly heapId: string; readonly workerId: number } {
  return { heapId, workerId };
}

/**
 * One worker's hold on the shared region: its views and the places of the tables. Views have a fixed length, because
 * views that track a growing buffer are 20 times slower; they are renewed when this worker meets memory past their end.
 * The tables lie inside every view ever made, so code that touches only tables never needs a new one.
 */
export class Region {
  readonly memory: Memory;
  buffer!: SharedArrayBuffer;
  u8!: Uint8Array<SharedArrayBuffer>;
  i32!: Int32Array<SharedArrayBuffer>;
  u32!: Uint32Array<SharedArrayBuffer>;
  f32!: Float32Array<SharedArrayBuffer>;
  f64!: Float64Array<SharedArrayBuffer>;
  i64!: BigInt64Array<SharedArrayBuffer>;
  /** Just past the last slice the views are known to cover: a copy of X_LIMIT as of the last renewal. */
  limit = 0;

  /** Slices are counted from the start of the buffer: the region begins at baseSlice, its blocks at firstSlice. */
  readonly baseSlice: number;
  readonly firstSlice: number;
  /** Just past the last slice of the region when it is fully grown. */
  readonly endSlice: number;
  readonly maxWorkers: number;
  /** The attachment that holds the region, for what is said about it; 0 before there is one. */
  workerId = 0;

  /** Word indices of the header and of the tables, each such that the number of a slice in the buffer is its index. */
  readonly header: number;
  private readonly firstSlot: number;
  private readonly transfer: number;
  private readonly transferSlots: number;
  private readonly gone: number;
  private readonly rings: number;
  private readonly ringWords: number;
  /** Events that each trace ring holds; 0 without tracing. */
  readonly ringEvents: number;
  readonly bitmap: number;
  readonly map: number;
  readonly slices: number;
  readonly bits: number;
  readonly interned: number;
  readonly internedWords: number;
  readonly sites: number;
  readonly siteWords: number;

  constructor(memory: Memory, baseSlice: number, regionSlices: number, settings: TableSettings) {
    const layout = tableLayout(regionSlices, settings);
    this.memory = memory;
    this.baseSlice = baseSlice;
    this.firstSlice = baseSlice + layout.headSlices;
    this.endSlice = baseSlice + regionSlices;
    this.maxWorkers = settings.maxWorkers;
    this.header = (baseSlice * Geometry.SLICE_BYTES) / 4;
    this.firstSlot = this.header + layout.slots;
    this.transfer = this.header + layout.transfer;
    this.transferSlots = settings.transferSlots;
    this.gone = this.header + layout.gone;
    this.rings = this.header + layout.rings;
    this.ringWords = layout.ringWords;
    this.ringEvents = layout.ringEvents;
    this.bitmap = this.header + layout.bitmap - (baseSlice >>> 5);
    this.map = this.header + layout.map - baseSlice;
    this.slices = this.header + layout.slices - baseSlice * SliceWord.WORDS;
    this.bits = this.header + layout.bits - baseSlice * BIT_WORDS_PER_SLICE;
    this.interned = this.header + layout.interned;
    this.internedWords = layout.internedWords;
    this.sites = this.header + layout.sites;
    this.siteWords = layout.siteWords;
    const buffer = bufferOf(memory);
    this.i32 = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    this.renew();
  }

  /** Word index of a worker slot, 1 .. maxWorkers. */
  slotWord(slot: number): number {
    return this.firstSlot + (slot - 1) * SlotWord.WORDS;
  }

  /**
   * Word index of the first transfer slot of a worker and a Mid class. They lie in the tables, not in the control block: a
   * worker about to put a block in must not meet memory that has become something else because the owner left.
   */
  transferWord(slot: number, classId: number): number {
    return this.transfer + ((slot - 1) * MID_CLASSES + (classId - Classes.FIRST_MID)) * this.transferSlots;
  }

  /** Word index of what workers that are gone counted for a class. */
  goneWord(classId: number): number {
    return this.gone + classId * GoneWord.WORDS;
  }

  /** Word index of the trace ring of a slot. */
  ringWord(slot: number): number {
    return this.rings + (slot - 1) * this.ringWords;
  }

  /** The heap's name: 32 hexadecimal digits. */
  get heapId(): string {
    const first = this.header + HeaderWord.HEAP_ID;
    return Array.from(this.u32.subarray(first, first + 4), (word) => word.toString(16).padStart(8, '0')).join('');
  }

  addressOf(slice: number): number {
    return slice * Geometry.SLICE_BYTES;
  }

  /** True if some worker grew the region since this one last renewed its views. A plain read: who hands over an address in new memory has published the growth before. */
  isStale(): boolean {
    return this.i32[this.header + HeaderWord.X_LIMIT] !== this.limit;
  }

  /**
   * Makes the views cover everything that exists. The limit is read before the buffer's length: what a limit promises the
   * buffer has, while a limit read later could promise more than the views made before it.
   */
  renew(): void {
    const limit = atomics.load(this.i32, this.header + HeaderWord.X_LIMIT);
    const buffer = bufferOf(this.memory);
    const words = Math.floor(buffer.byteLength / 8) * 2;
    this.buffer = buffer;
    this.u8 = new Uint8Array(buffer, 0, buffer.byteLength);
    this.i32 = new Int32Array(buffer, 0, words);
    this.u32 = new Uint32Array(buffer, 0, words);
    this.f32 = new Float32Array(buffer, 0, words);
    this.f64 = new Float64Array(buffer, 0, words / 2);
    this.i64 = new BigInt64Array(buffer, 0, words / 2);
    this.limit = limit;
  }

  /** Makes sure that the views cover the first `slices` slices. */
  cover(slices: number): void {
    if (slices > this.limit) this.renew();
  }

  /**
   * Adds at least `wantedSlices` slices, a segment at least, as far as the region may grow. False if nothing was added.
   * Any number of workers may do this at once: the limit only rises, and the slices between two limits are free in
   * the bitmap from the beginning, so publishing a limit is the whole of a growth and nothing is done twice.
   */
  grow(wantedSlices: number): boolean {
    const limitWord = this.header + HeaderWord.X_LIMIT;
    const current = atomics.load(this.i32, limitWord);
    const step = Math.max(wantedSlices, Geometry.SEGMENT_SLICES);
    const rounded = Math.ceil((current + step) / Geometry.SEGMENT_SLICES) * Geometry.SEGMENT_SLICES;
    const enough = Math.min(this.endSlice, current + wantedSlices);
    let target = Math.min(this.endSlice, rounded);
    if (target <= current) return false;
    // Memory of the caller's may end before a whole segment does.
    if (!growBacking(this.memory, this.addressOf(target))) {
      if (!growBacking(this.memory, this.addressOf(enough))) return false;
      target = enough;
    }
    let seen = current;
    // Publishes to every worker that memory up to `target` exists.
    while (seen < target) {
      const before = atomics.compareExchange(this.i32, limitWord, seen, target);
      if (before === seen) break;
      seen = before;
    }
    const growths = atomics.add(this.i32, this.header + HeaderWord.X_GROWTHS, 1) + 1;
    this.renew();
    if (isHeard('grow')) {
      const addedBytes = (target - current) * Geometry.SLICE_BYTES;
      announce('grow', {
        ...nameOf(this),
        addedBytes,
        reservedBytes: (target - this.baseSlice) * Geometry.SLICE_BYTES,
        growths,
      });
    }
    return true;
  }
}
