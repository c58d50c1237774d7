import { type Heap } from 'sabmalloc';

/** What a heap committed for what lived in it: at its peak or at the end, as the name of the case says. */
export interface MemoryRow {
  readonly name: string;
  /** Asked for and not yet freed. */
  readonly liveBytes: number;
  readonly committedBytes: number;
  readonly committedPerLive: number;
  /** Share of the committed bytes that tables and control blocks take. Absent where nobody looked at that instant. */
  readonly metadataShare?: number;
}

const rounded = (value: number): number => Number(value.toFixed(4));

export function rowOf(name: string, liveBytes: number, committedBytes: number, metadataBytes?: number): MemoryRow {
  return {
    name,
    liveBytes,
    committedBytes,
    committedPerLive: rounded(committedBytes / liveBytes),
    ...(metadataBytes === undefined ? {} : { metadataShare: rounded(metadataBytes / committedBytes) }),
  };
}

/** The heap as it is now. */
export function rowNow(name: string, heap: Heap, liveBytes: number): MemoryRow {
  const { committedBytes, metadataBytes } = heap.stats();
  return rowOf(name, liveBytes, committedBytes, metadataBytes);
}

export const geometricMean = (rows: readonly MemoryRow[]): number =>
  rounded(Math.exp(rows.reduce((sum, row) => sum + Math.log(row.committedPerLive), 0) / rows.length));
