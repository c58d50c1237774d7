/** Columns of a table in the heap: what Arrow calls buffers, each in a block with a handle. */
import { type Data, type Float64, type Int32, makeData, makeVector, Table, Utf8 } from 'apache-arrow';
import { type Heap } from 'sabmalloc';
import { encodeText } from 'sabmalloc/egress';

/** All that a worker needs to find the columns: handles and a length. */
export interface Columns {
  readonly length: number;
  readonly id: number;
  readonly price: number;
  /** Where each name begins in the bytes of all of them, and where the last one ends. */
  readonly nameOffsets: number;
  readonly nameBytes: number;
}

export function build(heap: Heap, length: number): Columns {
  const id = heap.allocUnsafe(Int32Array, length);
  const price = heap.allocUnsafe(Float64Array, length);
  const nameOffsets = heap.allocUnsafe(Int32Array, length + 1);
  const names = Array.from({ length }, (_, row) => `product ${row}`);
  const nameBytes = encodeText(heap, names.join(''));
  let end = (nameOffsets[0] = 0);
  for (let row = 0; row < length; row++) {
    id[row] = row;
    price[row] = row / 4;
    // These names are ASCII: as many bytes as characters.
    nameOffsets[row + 1] = end += names[row].length;
  }
  const [a, b, c, d] = [id, price, nameOffsets, nameBytes].map((view) => heap.share(view));
  return { length, id: a, price: b, nameOffsets: c, nameBytes: d };
}

/** The table over the same bytes. */
export function tableOf(heap: Heap, columns: Columns): Table<{ id: Int32; price: Float64; name: Utf8 }> {
  const { length } = columns;
  const name: Data<Utf8> = makeData({
    type: new Utf8(),
    length,
    nullCount: 0,
    valueOffsets: heap.open<Int32Array>(columns.nameOffsets),
    data: heap.open<Uint8Array>(columns.nameBytes),
  });
  return new Table({
    id: makeVector(heap.open<Int32Array>(columns.id)),
    price: makeVector(heap.open<Float64Array>(columns.price)),
    name: makeVector(name),
  });
}

export function release(heap: Heap, { id, price, nameOffsets, nameBytes }: Columns): void {
  for (const handle of [id, price, nameOffsets, nameBytes]) heap.release(handle);
}
