/** Builds the columns, or reads them as an Arrow table, as the main thread says. */
import { parentPort, workerData } from 'node:worker_threads';
import { Heap, type HeapToken } from 'sabmalloc';
import { build, type Columns, tableOf } from './columns.js';

export interface Setup {
  readonly token: HeapToken;
}

export type Request =
  | { readonly kind: 'build'; readonly length: number }
  | { readonly kind: 'change'; readonly columns: Columns; readonly row: number; readonly price: number }
  | { readonly kind: 'read'; readonly columns: Columns; readonly row: number };

export interface Reading {
  readonly sum: number;
  readonly row: string;
  /** How many of Arrow's buffers are the heap's memory itself. */
  readonly inHeap: number;
  readonly buffers: number;
}

const heap = Heap.attach((workerData as Setup).token);

function read(columns: Columns, row: number): Reading {
  const table = tableOf(heap, columns);
  let sum = 0;
  for (const price of table.getChild('price')!) sum += price ?? 0;
  const [batch] = table.batches;
  const buffers = batch.data.children
    .flatMap((child) => [child.values, child.valueOffsets] as (ArrayBufferView | undefined)[])
    .filter((each) => each !== undefined);
  const inHeap = buffers.filter(({ buffer }) => buffer === heap.buffer).length;
  return { sum, row: String(table.get(row)), inHeap, buffers: buffers.length };
}

function answer(request: Request): Columns | Reading | undefined {
  if (request.kind === 'build') return build(heap, request.length);
  if (request.kind === 'read') return read(request.columns, request.row);
  heap.open<Float64Array>(request.columns.price)[request.row] = request.price;
  return undefined;
}

parentPort?.on('message', (request: Request) => parentPort?.postMessage(answer(request)));
