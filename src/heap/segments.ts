import { popcount } from '../base/bits.js';
import { Geometry } from '../layout/geometry.js';
import type { Region } from '../memory/region.js';
import type { SegmentStats } from '../report/shape.js';

/** What the segments of a region hold, added up run by run. Runs may cross from one into the next. */
export class Segments {
  private readonly list: SegmentStats[] = [];
  private readonly first: number;

  constructor(
    private readonly region: Region,
    private readonly limit: number,
  ) {
    this.first = Math.floor(region.baseSlice / Geometry.SEGMENT_SLICES);
    for (let start = region.baseSlice; start < limit; start = this.endOf(start)) {
      const slices = this.endOf(start) - start;
      const freeBytes = this.freeSlices(start, slices) * Geometry.SLICE_BYTES;
      this.list.push({
        address: region.addressOf(start),
        reservedBytes: slices * Geometry.SLICE_BYTES,
        slabs: 0,
        spans: 0,
        slabBytes: 0,
        spanBytes: 0,
        freeBytes,
        metadataBytes: 0,
        liveBytes: 0,
      });
    }
  }

  /** Just past the segment that a slice is in. */
  private endOf(slice: number): number {
    return Math.min(this.limit, (Math.floor(slice / Geometry.SEGMENT_SLICES) + 1) * Geometry.SEGMENT_SLICES);
  }

  private freeSlices(start: number, slices: number): number {
    const { i32, bitmap } = this.region;
    let free = 0;
    for (let slice = start; slice < start + slices;) {
      const count = Math.min(32 - (slice & 31), start + slices - slice);
      free += popcount((~i32[bitmap + (slice >>> 5)] >>> (slice & 31)) & (-1 >>> (32 - count)));
      slice += count;
    }
    return free;
  }

  private *partsOf(head: number, count: number): Generator<{ segment: SegmentStats; from: number; slices: number }> {
    // What was counted a moment ago may have been resized since, or lie in memory that is newer than the limit.
    const end = Math.min(head + count, this.limit);
    for (let from = head; from < end; from = this.endOf(from)) {
      const segment = this.list[Math.floor(from / Geometry.SEGMENT_SLICES) - this.first];
      yield { segment, from, slices: Math.min(end, this.endOf(from)) - from };
    }
  }

  /** `liveBytes` says how much of it lives in some of its slices. */
  addSlab(head: number, count: number, liveBytes: (from: number, slices: number) => number): void {
    for (const { segment, from, slices } of this.partsOf(head, count)) {
      if (from === head) segment.slabs++;
      segment.slabBytes += slices * Geometry.SLICE_BYTES;
      segment.liveBytes += liveBytes(from, slices);
    }
  }

  addSpan(head: number, count: number): void {
    for (const { segment, from, slices } of this.partsOf(head, count)) {
      if (from === head) segment.spans++;
      segment.spanBytes += slices * Geometry.SLICE_BYTES;
      segment.liveBytes += slices * Geometry.SLICE_BYTES;
    }
  }

  rows(): SegmentStats[] {
    for (const row of this.list) row.metadataBytes = row.reservedBytes - row.slabBytes - row.spanBytes - row.freeBytes;
    return this.list;
  }
}
