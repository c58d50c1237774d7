import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { plant, type Mutant } from './mutant.js';
import type { Catch } from './stepped.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** Folders of the tests that a mutant must pass to survive. */
const FOLDERS = ['test/unit', 'test/heap', 'test/debug', 'test/misuse'].filter((folder) =>
  existsSync(join(ROOT, folder)),
);
const FILE_LIMIT_MS = 120_000;
const FOLDERS_LIMIT_MS = 600_000;

interface Outcome {
  /** Null: it was killed because it took too long. */
  readonly code: number | null;
  readonly output: string;
}

/** Runs a command and all it starts; kills them when they take too long. */
function runIn(folder: string, limitMs: number, command: string, words: readonly string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), limitMs);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** A copy of the working tree in which one mutant after the other is built and tested. */
export class PrivateCopy {
  private readonly folder = mkdtempSync(join(tmpdir(), 'sabmalloc-mutants-'));

  constructor() {
    const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
    for (const path of list.toString().split('\0'))
      if (path !== '' && existsSync(join(ROOT, path))) cpSync(join(ROOT, path), join(this.folder, path));
    symlinkSync(join(ROOT, 'node_modules'), join(this.folder, 'node_modules'));
  }

  /** Runs one test file, or all of them, against the sources with the mutant in them. */
  async test(mutant: Mutant | undefined, file?: string): Promise<Catch | undefined> {
    const path = mutant && join(this.folder, mutant.file);
    const text = path && readFileSync(path, 'utf8');
    if (mutant && path && text) writeFileSync(path, plant(mutant, text));
    try {
      await this.build();
      return await this.vitest(
        file === undefined ? FOLDERS : [file],
        file === undefined ? FOLDERS_LIMIT_MS : FILE_LIMIT_MS,
      );
    } finally {
      if (path && text) writeFileSync(path, text);
    }
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private bin(...path: string[]): string {
    return join(this.folder, 'node_modules', ...path);
  }

  private async build(): Promise<void> {
    const compiler = this.bin('typescript', 'bin', 'tsc');
    const words = [compiler, '-p', 'tsconfig.json', '--noCheck'];
    const { code, output } = await runIn(this.folder, FILE_LIMIT_MS, process.execPath, words);
    if (code !== 0) throw new Error(`the mutant does not compile: ${output}`);
  }

  private async vitest(paths: readonly string[], limitMs: number): Promise<Catch | undefined> {
    const json = join(this.folder, 'build', 'report.json');
    rmSync(json, { force: true });
    const words = [this.bin('vitest', 'vitest.mjs'), 'run', ...paths, '--bail=1', '--cache=false', '--reporter=json'];
    const { code, output } = await runIn(this.folder, limitMs, process.execPath, [...words, `--outputFile=${json}`]);
    if (code === 0) return undefined;
    if (code === null) return { by: paths.join(' '), message: `no end after ${limitMs / 1000} s` };
    const found = existsSync(json) ? this.firstFailure(JSON.parse(readFileSync(json, 'utf8')) as Report) : undefined;
    return found ?? { by: paths.join(' '), message: `vitest ended with code ${code}: ${output.trim().slice(-300)}` };
  }

  private firstFailure({ testResults }: Report): Catch | undefined {
    for (const { name, status, message, assertionResults } of testResults) {
      if (status === 'passed') continue;
      const by = relative(this.folder, name);
      const failed = assertionResults.find((test) => test.status === 'failed');
      if (failed === undefined && message === '') continue;
      const [line] = (failed?.failureMessages[0] ?? message).split('\n', 1);
      return { by: failed === undefined ? by : `${by}: ${failed.fullName.trim()}`, message: line };
    }
    return undefined;
  }
}

export const isTestFile = (by: string | undefined): by is `${string}.ts` => by?.endsWith('.ts') === true;
