import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { RATE, SECONDS, synthesise } from '../examples/audio-ring/tune.js';
import { wavOf } from '../examples/audio-ring/wav.js';

it('examples/audio-ring writes every sample of the tune, and leaves no block', () => {
  const folder = mkdtempSync(join(tmpdir(), 'audio-ring-'));
  try {
    const file = join(folder, 'tune.wav');
    const program = resolve(import.meta.dirname, '../build/examples/audio-ring/main.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, file], {
      encoding: 'utf8',
      timeout: 50_000,
    });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^under-runs: 0$/m);
    expect(stdout).toMatch(/^lowest fill level before the end: \d+ %$/m);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('live blocks: 0');
    const samples = new Float32Array(RATE * SECONDS);
    synthesise(samples, 0);
    expect(readFileSync(file).equals(wavOf(samples, RATE))).toBe(true);
    expect(status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
