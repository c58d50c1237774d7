export { prometheusText } from './prometheus.js';
export type { CallCounts, ClassStats, HeapStats, SegmentStats, WorkerStats } from './shape.js';
