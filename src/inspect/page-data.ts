import { type HeapSnapshot, type HeapStats } from '../index.js';

/** The heap at one point of the time line. */
export interface Sample {
  /** In the unit of the time line. */
  readonly at: number;
  readonly committedBytes: number;
  readonly liveBytes: number;
  readonly liveBlocks: number;
}

export interface Timeline {
  readonly unit: 'seconds' | 'events';
  readonly samples: readonly Sample[];
}

/** One map of the page. */
export interface Picture {
  readonly label: string;
  /** Where on the time line it was taken. */
  readonly at?: number;
  readonly snapshot: HeapSnapshot;
}

/** What a page shows. */
export interface PageData {
  readonly title: string;
  readonly pictures: readonly Picture[];
  /** Place of the picture that is shown first; 0 if not given. */
  readonly shown?: number;
  readonly timeline?: Timeline;
}

/** What the live server answers. */
export interface LiveAnswer {
  readonly heaps: readonly LiveHeap[];
  /** The heap that was asked for, or the first. */
  readonly heapId?: string;
  readonly data?: PageData;
  /** The blocks were left out, to keep an answer small. */
  readonly isCoarse?: boolean;
}

export interface LiveHeap {
  readonly heapId: string;
  readonly label: string;
}

export function sampleOf(at: number, { committedBytes, liveBytes, liveBlocks }: HeapStats): Sample {
  return { at, committedBytes, liveBytes, liveBlocks };
}
