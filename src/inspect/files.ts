import { writeFileSync } from 'node:fs';
import { type Heap, type HeapSnapshot } from '../index.js';
import { type PageData, type Picture, sampleOf } from './page-data.js';
import { serialiseSnapshot } from './snapshot-text.js';

/** Takes a snapshot of a heap, or the one given, and writes it to a file, JSON, for `sabmalloc inspect snapshot`. */
export function writeSnapshot(of: Heap | HeapSnapshot, file: string): void {
  writeFileSync(file, serialiseSnapshot('snapshot' in of ? of.snapshot() : of));
}

/** What a page of one snapshot shows, or of several: then they are offered by their labels, and make a time line. */
export function pageOfSnapshots(
  taken: readonly { readonly label: string; readonly snapshot: HeapSnapshot }[],
): PageData {
  const sorted = [...taken].sort((a, b) => a.snapshot.takenAt - b.snapshot.takenAt);
  const first = sorted[0].snapshot;
  const secondsOf = ({ takenAt }: HeapSnapshot): number => (takenAt - first.takenAt) / 1000;
  const pictures = sorted.map(({ label, snapshot }): Picture => ({ label, at: secondsOf(snapshot), snapshot }));
  const samples = sorted.map(({ snapshot }) => sampleOf(secondsOf(snapshot), snapshot.stats));
  const title = `Heap ${first.heapId.slice(0, 8)}`;
  const isOneHeap = sorted.every(({ snapshot }) => snapshot.heapId === first.heapId);
  const shown = pictures.length - 1;
  return { title, pictures, shown, ...(isOneHeap ? { timeline: { unit: 'seconds', samples } } : {}) };
}
