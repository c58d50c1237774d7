import { loadBuilds } from './proof/machine/builds.js';
import { patchOf } from './proof/mutants/mutant.js';
import { channelMutants } from './proof/mutants/table/channels.js';
import { exploreScenario, crashScenario } from './proof/engine.js';
import { SCENARIOS } from './proof/scenarios/index.js';
for (const m of channelMutants) {
  if (process.argv[2] && !m.name.includes(process.argv[2])) continue;
  const t = Date.now();
  let what = 'SURVIVED';
  try {
    const builds = await loadBuilds(patchOf(m));
    const play = SCENARIOS.find((p) => p.name === m.by!.replace('!', ''))!;
    exploreScenario(builds, play, { schedules: 6000, seed: 1 });
    if (m.by!.endsWith('!')) crashScenario(builds, play, { schedules: 0, schedulesPerPoint: 6, schedulesPerPair: 0, pairStride: 1, seed: 1 } as any);
  } catch (e) { what = 'caught: ' + String(e).split('\n')[0]; }
  console.log(m.name, what, ((Date.now() - t) / 1000).toFixed(1));
}
