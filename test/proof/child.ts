/** A process that runs tasks of `npm run prove`, one at a time. */
import { loadBuilds } from './machine/builds.js';
import { runTask, type ProofBudget, type Task } from './tasks.js';

const builds = await loadBuilds();

process.on('message', ({ task, budget }: { task: Task; budget: ProofBudget }) => {
  process.send?.(runTask(builds, task, budget));
});
process.send?.('ready');
