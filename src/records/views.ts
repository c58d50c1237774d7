import type { Heap } from '../index.js';

/**
 * Views of the whole region for the accessors of one heap. They need no check at each access: whoever makes an object for an
 * address has called `cover` for it, and memory never goes away. Public fields of one object, because engines put
 * fields that never changed into the machine code as constants.
 */
export class Views {
  private readonly heap: Heap;
  /** Bytes that the views reach over. */
  private bytes = 0;
  i8!: Int8Array<SharedArrayBuffer>;
  u8!: Uint8Array<SharedArrayBuffer>;
  i16!: Int16Array<SharedArrayBuffer>;
  u16!: Uint16Array<SharedArrayBuffer>;
  i32!: Int32Array<SharedArrayBuffer>;
  u32!: Uint32Array<SharedArrayBuffer>;
  f32!: Float32Array<SharedArrayBuffer>;
  f64!: Float64Array<SharedArrayBuffer>;
  i64!: BigInt64Array<SharedArrayBuffer>;
  u64!: BigUint64Array<SharedArrayBuffer>;
  data!: DataView<SharedArrayBuffer>;

  constructor(heap: Heap) {
    this.heap = heap;
    this.renew();
  }

  /** Makes sure that the views reach to `end`. False if there is no such memory. */
  cover(end: number): boolean {
    if (end > this.bytes) this.renew();
    return end <= this.bytes;
  }

  private renew(): void {
    const { buffer } = this.heap;
    // Of a fixed length, in whole words: views that track a growing buffer are 20 times slower.
    const bytes = Math.floor(buffer.byteLength / 8) * 8;
    if (bytes === this.bytes) return;
    this.bytes = bytes;
    this.i8 = new Int8Array(buffer, 0, bytes);
    this.u8 = new Uint8Array(buffer, 0, bytes);
    this.i16 = new Int16Array(buffer, 0, bytes / 2);
    this.u16 = new Uint16Array(buffer, 0, bytes / 2);
    this.i32 = new Int32Array(buffer, 0, bytes / 4);
    this.u32 = new Uint32Array(buffer, 0, bytes / 4);
    this.f32 = new Float32Array(buffer, 0, bytes / 4);
    this.f64 = new Float64Array(buffer, 0, bytes / 8);
    this.i64 = new BigInt64Array(buffer, 0, bytes / 8);
    this.u64 = new BigUint64Array(buffer, 0, bytes / 8);
    this.data = new DataView(buffer, 0, bytes);
  }
}
