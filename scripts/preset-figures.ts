// Measures what each preset costs and writes docs/figures/presets.json; `npm run generate` puts it into docs/PRESETS.md.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Heap } from 'sabmalloc';
import { PRESETS, type PresetName } from 'sabmalloc/config';

const BASE = 'production';
const others = Object.keys(PRESETS).filter((name) => name !== BASE);

/** The same small work for all, since `debug` notes the place of every call. */
const WORK = '--ops 50000 --rounds 4 --warmup 4';
const RUNS = [
  { title: 'Larson 8-1024', args: `larson --size 8-1024 ${WORK}` },
  { title: 'random-mixed', args: `random-mixed ${WORK}` },
];

interface Candidate {
  readonly name: string;
  readonly ratio?: { readonly median: number; readonly min: number; readonly max: number };
  readonly runs: readonly [
    {
      readonly memory: { readonly peakCommittedBytes: number };
      readonly environment: Readonly<Record<string, unknown>>;
    },
  ];
}

const rows = RUNS.map(({ title, args }) => {
  const command = `compare ${args} --against ${others.join(',')} --json`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['build/bench/main.js', ...command.split(' ')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`npm run bench -- ${command}: ${stderr}`);
  const { candidates } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { candidates: readonly Candidate[] };
  return {
    title,
    command: `npm run bench -- ${command}`,
    environment: candidates[0].runs[0].environment,
    presets: candidates.map(({ name, ratio, runs: [{ memory }] }) => ({
      name,
      ratio,
      peakCommittedBytes: memory.peakCommittedBytes,
    })),
  };
});

const empty = (Object.keys(PRESETS) as PresetName[]).map((preset) => {
  const heap = Heap.create({ preset });
  const { committedBytes } = heap.stats();
  heap.detach();
  return { name: preset, committedBytes };
});

const path = new URL('../docs/figures/presets.json', import.meta.url);
writeFileSync(path, `${JSON.stringify({ date: new Date().toISOString().slice(0, 10), rows, empty }, null, 2)}\n`);
