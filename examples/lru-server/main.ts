/**
 * `npm run start:lru-server`: an HTTP server of several threads, without a cache, with a cache in each thread and with one cache for all.
 * The main thread sends requests, few pages often and most of them seldom, and looks whether every page is right.
 */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { Worker } from 'node:worker_threads';
import { Command, InvalidArgumentError } from 'commander';
import { Heap } from 'sabmalloc';
import { LruCache, texts } from 'sabmalloc/collections';
import { render } from './render.js';

interface Flags {
  readonly workers: number;
  readonly requests: number;
  readonly json?: boolean;
}

/** Different pages, and how many of them the caches hold in all. */
const PAGES = 2000;
const CAPACITY = 600;

/** What a worker is started with. */
export interface Setting {
  readonly token: Heap['token'];
  /** Address of the cache; 0 for none. */
  readonly cache: number;
}

interface Row {
  readonly name: string;
  readonly requestsPerSecond: number;
  readonly hits: number;
  readonly misses: number;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return value;
}

function fetchPage(port: number, page: number, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, path: `/page/${page}`, agent }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => (body += part));
      response.on('end', () => resolve(body)).on('error', reject);
    });
    sent.on('error', reject).end();
  });
}

/** Sends all requests, several at a time, to each server in turn; returns requests a second. */
async function load(ports: readonly number[], { requests }: Flags): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  let [next, state] = [0, 1];
  const began = performance.now();
  const client = async (): Promise<void> => {
    for (let i = next++; i < requests; i = next++) {
      // The same sequence in every run: the power makes the first pages frequent.
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const page = Math.floor((state / 2 ** 32) ** 5 * PAGES);
      const body = await fetchPage(ports[i % ports.length], page, agent);
      if (!body.includes(`<h1>Page ${page}</h1>`)) throw new Error(`asked for page ${page}, got ${body.slice(0, 80)}`);
    }
  };
  await Promise.all(Array.from({ length: ports.length * 4 }, client));
  agent.destroy();
  return requests / ((performance.now() - began) / 1000);
}

/** Starts the servers, each with the cache of its number, loads them and stops them. */
async function run(name: string, heap: Heap, caches: readonly LruCache<string, string>[], flags: Flags): Promise<Row> {
  const workers = Array.from({ length: flags.workers }, (_, i) => {
    const cache = caches.length === 0 ? 0 : caches[i % caches.length].address;
    const worker = new Worker(new URL('./server.js', import.meta.url), {
      workerData: { token: heap.token, cache } satisfies Setting,
    });
    heap.watch(worker);
    return worker;
  });
  const ports = await Promise.all(workers.map(async (worker) => ((await once(worker, 'message')) as [number])[0]));
  const requestsPerSecond = Math.round(await load(ports, flags));
  await Promise.all(workers.map((worker) => worker.terminate()));
  const counts = caches.map((cache) => cache.counts);
  const sum = (name: 'hits' | 'misses'): number => counts.reduce((total, each) => total + each[name], 0);
  const [hits, misses] = [sum('hits'), sum('misses')];
  if (caches.length > 0 && hits + misses !== flags.requests)
    throw new Error(`${hits} hits and ${misses} misses are not the ${flags.requests} requests`);
  for (const cache of caches) cache.dispose();
  return { name, requestsPerSecond, hits, misses };
}

async function main(flags: Flags): Promise<void> {
  const heap = Heap.create({ maxBytes: 2 ** 28 });
  const cacheOf = (capacityEntries: number) => LruCache.create(heap, texts, texts, { capacityEntries });
  const rows = [
    await run('no cache', heap, [], flags),
    await run(
      'a cache for each thread',
      heap,
      Array.from({ length: flags.workers }, () => cacheOf(Math.ceil(CAPACITY / flags.workers))),
      flags,
    ),
    await run('one cache for all', heap, [cacheOf(CAPACITY)], flags),
  ];
  const { liveBlocks } = heap.stats();
  if (flags.json === true) process.stdout.write(`${JSON.stringify({ rows, liveBlocks })}\n`);
  else {
    for (const { name, requestsPerSecond, hits } of rows) {
      const rate = `${((100 * hits) / flags.requests).toFixed(1)} % hits`;
      process.stdout.write(`${name.padEnd(24)} ${String(requestsPerSecond).padStart(6)} requests/s  ${rate}\n`);
    }
    process.stdout.write(`a page has ${render(0).length} characters; live blocks: ${liveBlocks}\n`);
  }
  if (liveBlocks !== 0) process.exitCode = 1;
  heap.detach();
}

await new Command('lru-server')
  .description('Servers in threads that share one cache of rendered pages.')
  .option('--workers <n>', 'threads, each with a server of its own', positive, 2)
  .option('--requests <n>', 'requests to send', positive, 3000)
  .option('--json', 'one line of JSON instead')
  .showHelpAfterError('Add --help to see what there is.')
  .action(main)
  .parseAsync();
