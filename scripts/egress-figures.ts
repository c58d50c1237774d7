// Runs the checks of test/egress in every runtime and writes docs/figures/egress.json; `npm run generate` puts it into docs/EGRESS.md.
import { writeFileSync } from 'node:fs';
import { builtProgram } from '../test/egress/build.js';
import { type ProgramReport } from '../test/egress/program.js';
import { allRuntimes } from '../test/kit/runtimes.js';

const program = await builtProgram();
const runtimes: object[] = [];
for (const { name, missing, run } of await allRuntimes()) {
  if (missing !== undefined) throw new Error(`${name} is missing: ${missing}`);
  const { version, failures, support } = (await run(program)) as ProgramReport;
  if (failures.length > 0) throw new Error(`${name}: ${failures.join('; ')}`);
  runtimes.push({ name, version, support });
}
const path = new URL('../docs/figures/egress.json', import.meta.url);
writeFileSync(path, `${JSON.stringify({ date: new Date().toISOString().slice(0, 10), runtimes }, null, 2)}\n`);
