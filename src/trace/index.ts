/** Trace files: what a program allocated and freed, made of what `heap.drainTrace()` gives, read, and prepared for replay. */
export { TraceOp } from '../layout/format.js';
export { readTraceFile, writeTraceFile } from './file.js';
export { decodeTrace, encodeTrace, type Trace } from './format.js';
export { EventWord, OpBits, planReplay, type ReplayPlan, type ThreadPlan } from './plan.js';
export { recordingOf, type Recording } from './recording.js';
export { alignmentOf, replayAlone, type ReplayHeap } from './replay.js';
