import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type HeapSnapshot } from 'sabmalloc';
import { type HeapServer, onHeapCreated, serveHeap } from 'sabmalloc/inspect';
import { parse } from '../../src/inspect/snapshot-text.js';
import { type LiveAnswer } from '../../src/inspect/page-data.js';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { pause } from '../kit/workers.js';
import { wellFormed } from './kit.js';

const create = heapsOfTest();
const place = mkdtempSync(join(tmpdir(), 'sabmalloc-live-'));
const servers: HeapServer[] = [];
const serve = async (...args: Parameters<typeof serveHeap>): Promise<HeapServer> => {
  const server = await serveHeap(...args);
  servers.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(() => {
  rmSync(place, { recursive: true, force: true });
});

async function ask(url: string, path = 'snapshot'): Promise<LiveAnswer> {
  const response = await fetch(new URL(path, url));
  expect(response.status).toBe(200);
  return parse(await response.text()) as LiveAnswer;
}

const snapshotOf = ({ data }: LiveAnswer): HeapSnapshot => data!.pictures[0].snapshot;

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

function askAs(host: string, url: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers: { host } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    asked.on('error', reject).end();
  });
}

function reaches(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 }, () => resolve(true));
    const fail = (): void => resolve(false);
    socket
      .on('error', fail)
      .on('timeout', fail)
      .on('connect', () => socket.destroy());
  });
}

describe('serveHeap', () => {
  it('serves a page and pictures of the heap as it is, from another thread', async () => {
    const heap = create({ maxBytes: 16 * MIB });
    const { url } = await serve(heap);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(await (await fetch(url)).text()).toMatch(/^<!doctype html>/);
    const before = await ask(url);
    expect(before).toMatchObject({ heapId: heap.token.heapId, isCoarse: false });
    heap.mallocMany(100, 300);
    const after = snapshotOf(await ask(url));
    wellFormed(after);
    expect(after.stats.liveBlocks - snapshotOf(before).stats.liveBlocks).toBe(300);
    expect(after.takenBy).not.toBe(heap.workerId);
    expect((await ask(url)).data!.timeline!.samples[0].liveBlocks).toBe(0);
  });

  it('answers on this machine alone, to those who ask by its name alone, and only to be read', async () => {
    const { url } = await serve(create());
    const { port } = new URL(url);
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`])
      expect(await askAs(host, url)).toMatchObject({ status: 200 });
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:${Number(port) + 1}`])
      expect(await askAs(host, `${url}snapshot`)).toEqual({ status: 403, body: `Ask for ${url}.\n` });
    expect(await askAs(`127.0.0.1:${port}`, url, 'POST')).toMatchObject({ status: 405 });
    expect(await askAs(`127.0.0.1:${port}`, `${url}etc/passwd`)).toMatchObject({ status: 404 });
    const elsewhere = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    const addresses = elsewhere.filter(({ internal, family }) => !internal && family === 'IPv4');
    for (const { address } of addresses) expect(await reaches(address, Number(port))).toBe(false);
    expect(await reaches('127.0.0.1', Number(port))).toBe(true);
  });

  it('gives its place in the heap back', async () => {
    const heap = create();
    const server = await serveHeap(heap);
    expect(heap.stats().workers).toHaveLength(2);
    await server.close();
    expect(heap.stats().workers).toHaveLength(1);
    heap.check();
  });

  it('leaves a heap that everybody else left, and keeps the last picture', async () => {
    const heap = create();
    const { url } = await serve(heap);
    heap.mallocMany(100, 5);
    heap.detach();
    const workersIn = async (): Promise<number> => snapshotOf(await ask(url)).stats.workers.length;
    for (let tries = 0; (await workersIn()) > 1 && tries < 3000; tries++) await pause(10);
    const taken = async (): Promise<number> => snapshotOf(await ask(url)).takenAt;
    const isKept = async (): Promise<boolean> => {
      const before = await taken();
      await pause(5);
      return before === (await taken());
    };
    let kept = await isKept();
    for (let tries = 0; !kept && tries < 1000; tries++) kept = await isKept();
    expect(kept).toBe(true);
    expect(snapshotOf(await ask(url)).stats.liveBlocks).toBe(5);
  });

  it('says why it can not: no slot, no port', async () => {
    const heap = create({ maxWorkers: 1 });
    await expect(serveHeap(heap)).rejects.toThrow(/all 1 worker slots are taken: raise maxWorkers/);
    const { url } = await serve(create());
    await expect(serveHeap(create(), { port: Number(new URL(url).port) })).rejects.toThrow(/EADDRINUSE/);
  });

  it('does not keep a program running', () => {
    const program =
      "import { Heap } from 'sabmalloc'; import { serveHeap } from 'sabmalloc/inspect'; const { url } = await serveHeap(Heap.create()); console.log(url);";
    const args = ['--input-type=module', '-e', program];
    const { status, stdout } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      timeout: 50_000,
      cwd: fileURLToPath(new URL('.', import.meta.url)),
    });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^http:\/\/127/);
  });
});

it('heaps that are made are told to who asked, and no tool can spoil the making', () => {
  const seen: string[] = [];
  onHeapCreated(({ token }) => seen.push(token.heapId));
  onHeapCreated(() => {
    throw new Error('a tool that fails');
  });
  const { heapId } = create().token;
  expect(seen).toEqual([heapId]);
  Reflect.deleteProperty(globalThis, Symbol.for('sabmalloc.overrides'));
  create();
  expect(seen).toHaveLength(1);
});

/** What a program says on standard error, up to what is looked for. */
function hears(child: ChildProcess, what: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr!.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      const found = what.exec(text);
      if (found !== null) resolve(found[1]);
    });
    child.once('exit', (code) => reject(new Error(`it ended with ${code}, having said: ${text}`)));
  });
}

describe('sabmalloc inspect live', () => {
  it('shows every heap of a program whose main thread is busy for ever, and ends with its code', async () => {
    const stopFile = join(place, 'stop');
    const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
    const busy = fileURLToPath(new URL('./busy.mjs', import.meta.url));
    const child = spawn(process.execPath, [command, 'inspect', 'live', '--', process.execPath, busy, stopFile, '2']);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const url = await hears(child, /sabmalloc: (http:\S+) shows the heap/);
    let answer = await ask(url);
    for (let tries = 0; answer.heaps.length < 2 && tries < 3000; tries++) {
      await pause(10);
      answer = await ask(url);
    }
    expect(answer.heaps).toHaveLength(2);
    const blocks = await Promise.all(
      answer.heaps.map(async ({ heapId }) => snapshotOf(await ask(url, `snapshot?heap=${heapId}`)).stats.liveBlocks),
    );
    expect(blocks[0]).toBeGreaterThanOrEqual(998);
    expect(blocks[1]).toBe(0);
    wellFormed(snapshotOf(answer));
    writeFileSync(stopFile, '');
    expect(await ended).toBe(7);
  });
});
