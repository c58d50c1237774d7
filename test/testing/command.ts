import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command with these environment variables beside those there are. */
export function sabmallocWith(variables: Readonly<Record<string, string>>, args: readonly string[]): Outcome {
  const options = {
    encoding: 'utf8',
    timeout: 50_000,
    cwd: file('.'),
    env: { ...process.env, COLUMNS: '100', ...variables },
  } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [file('../../dist/cli/main.js'), ...args], options);
  return { status, stdout, stderr };
}

export const sabmalloc = (...args: readonly string[]): Outcome => sabmallocWith({}, args);
