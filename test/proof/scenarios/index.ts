import type { Plot } from '../machine/stage.js';
import { handleScenarios } from './handles.js';
import { homecomingScenarios } from './homecoming.js';
import { registryScenarios } from './registry.js';
import { remoteScenarios } from './remote.js';
import { sliceScenarios } from './slices.js';

/** Everything that is explored. */
export const SCENARIOS: readonly Plot[] = [
  ...remoteScenarios,
  ...homecomingScenarios,
  ...sliceScenarios,
  ...registryScenarios,
  ...handleScenarios,
] as readonly Plot[];
