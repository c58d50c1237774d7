import type { Mutant } from './mutant.js';
import { channelMutants } from './table/channels.js';
import { debugMutants } from './table/debug.js';
import { handleMutants } from './table/handles.js';
import { heapMutants } from './table/heap.js';
import { mapMutants } from './table/maps.js';
import { listMutants } from './table/lists.js';
import { learningMutants } from './table/learning.js';
import { memoryMutants } from './table/memory.js';
import { pagesMutants } from './table/pages.js';
import { registryMutants } from './table/registry.js';
import { remoteMutants } from './table/remote.js';
import { slabsMutants } from './table/slabs.js';
import { syncMutants } from './table/sync.js';

/** Bugs that the suite must catch, each planted alone in the sources as they are. */
export const MUTANTS: readonly Mutant[] = [
  ...remoteMutants,
  ...slabsMutants,
  ...pagesMutants,
  ...registryMutants,
  ...heapMutants,
  ...handleMutants,
  ...memoryMutants,
  ...debugMutants,
  ...learningMutants,
  ...syncMutants,
  ...channelMutants,
  ...mapMutants,
  ...listMutants,
];
