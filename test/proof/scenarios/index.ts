import type { Play } from '../machine/play.js';
import { onStage, type Plot } from '../machine/stage.js';
import { channelScenarios } from './channels.js';
import { handleScenarios } from './handles.js';
import { homecomingScenarios } from './homecoming.js';
import { mapScenarios } from './maps.js';
import { listScenarios } from './lists.js';
import { registryScenarios } from './registry.js';
import { remoteScenarios } from './remote.js';
import { sliceScenarios } from './slices.js';
import { subHeapScenarios } from './subheaps.js';
import { syncScenarios } from './sync.js';

/** Everything that is explored. */
export const SCENARIOS: readonly Play[] = [
  ...(
    [
      ...remoteScenarios,
      ...homecomingScenarios,
      ...sliceScenarios,
      ...registryScenarios,
      ...handleScenarios,
      ...subHeapScenarios,
    ] as readonly Plot[]
  ).map(onStage),
  ...syncScenarios,
  ...channelScenarios,
  ...mapScenarios,
  ...listScenarios,
];
