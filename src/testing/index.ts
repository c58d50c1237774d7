/** What the project tests its heap with, for your own use of it. */
export { alignments, heapOptions, ranks, sizes } from './arbitraries.js';
export { type HeapCommand } from './command.js';
export { type CommandOptions, heapCommands } from './commands.js';
export {
  aligned,
  conserved,
  empty,
  type Extent,
  fits,
  noOverlap,
  type Observation,
  observe,
  sameBlocks,
  walk,
} from './contracts.js';
export { ContractError, ensure } from './ensure.js';
export {
  type Exploration,
  type ExhaustiveOptions,
  explore,
  exploreRandomly,
  type RandomOptions,
  replay,
  type Scenario,
  ScheduleError,
  STOPPED,
  type Thread,
} from './explorer.js';
export { FuzzError, fuzzHeap, type FuzzReport } from './fuzz.js';
export {
  checkFuzzOptions,
  FUZZ_DEFAULTS,
  FUZZ_LIMITS,
  FuzzOptionError,
  type FuzzOptions,
  type FuzzProgress,
} from './fuzz-options.js';
export { type Guest } from './guest.js';
export { Model, type ModelBlock } from './model.js';
export { type Wrap } from './party.js';
export { type PlayOptions, playCommands } from './play.js';
export { type PathGroup, pathGroups, type PathName } from './paths.js';
export { damage, nonZero, stamp } from './stamp.js';
export { TYPES } from './typed-arrays.js';
export { type World } from './world.js';
