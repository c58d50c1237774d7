/** Pictures of a heap: snapshots in files, self-contained pages, and a live page. For Node. */
export { onHeapCreated } from './created.js';
export { pageOfSnapshots, writeSnapshot } from './files.js';
export { findAddress, type Finding, parseAddress } from './find.js';
export { type Group, HeapModel, type Mix, type SliceUse } from './model.js';
export { pageOf } from './page.js';
export { type PageData, type Picture, type Sample, sampleOf, type Timeline } from './page-data.js';
export { type HeapServer, serveHeap, type ServeOptions } from './server.js';
export { InspectError, parseSnapshot, serialiseSnapshot } from './snapshot-text.js';
export { pageOfTrace } from './trace.js';
