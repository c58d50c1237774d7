// A program whose main thread may not wait, as in a browser: it works in frames, with workers that storm and die beside
// it. It learns of a death only when a message port of the worker closes, and reclaims by hand. Prints one line of JSON.
import { waits } from './may-not-wait.js';
import { MessageChannel, Worker } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { empty } from '../kit/contracts.js';
import { ensure } from '../kit/errors.js';
import { freeAll, KIB, MIB } from '../kit/heaps.js';
import { audit, Ledger, type Page, Phase } from '../kit/ledger.js';
import { Random } from '../kit/random.js';
import { pause, until } from '../kit/workers.js';
import { Hands } from '../workers/hands.mjs';
import { type BrowserFigures, type BrowserOptions, FRAME_MS } from './browser.js';

const { seconds, seed } = JSON.parse(process.argv[2]) as BrowserOptions;

const ENTRIES = 64;
const LARGEST = 20 * KIB;
const AT_ONCE = 3;
const VICTIMS_MOST = 5000;
/** Of each frame; the rest is for the browser. */
const WORK_MS = 8;

interface Victim {
  readonly page: Page;
  readonly workerId: number;
  readonly worker: Worker;
  /** Frames to live. */
  left: number;
}

const random = new Random(seed);
const heap = Heap.create({ maxBytes: 16 * MIB, maxWorkers: 2 + 2 * AT_ONCE });
const ledger = new Ledger(2 + VICTIMS_MOST, ENTRIES);
const calls = { count: 0, late: 0, longestMs: 0 };
const hands = new Hands(ledger.pages[0], ledger.market, random, LARGEST);
hands.heap = timed(heap);
let failure: unknown;
let victims: Victim[] = [];
let next = 2;
let kills = 0;
let buried = 0;

/** The heap, with a clock on every call. */
function timed(of: Heap): Heap {
  const call = (method: (...args: unknown[]) => unknown, args: unknown[]): unknown => {
    const start = performance.now();
    try {
      return method.apply(of, args);
    } finally {
      const took = performance.now() - start;
      calls.count++;
      calls.late += took > FRAME_MS ? 1 : 0;
      calls.longestMs = Math.max(calls.longestMs, took);
    }
  };
  return new Proxy(of, {
    get(_, name) {
      const member = Reflect.get(of, name) as unknown;
      return typeof member === 'function' ? (...args: unknown[]) => call(member as () => unknown, args) : member;
    },
  });
}

function start(page: Page, token: Heap['token'], more: object): { worker: Worker; closed: Promise<void> } {
  const life = new MessageChannel();
  const closed = new Promise<void>((resolve) => life.port1.once('close', resolve));
  const data = { ...ledger.dataFor(page.number), token, seed: random.next(), largest: LARGEST, pace: 2 };
  const worker = new Worker(new URL('../workers/churn.mjs', import.meta.url), {
    workerData: { ...data, ...more, life: life.port2 },
    transferList: [life.port2],
    execArgv: [],
    env: {},
  });
  worker.once('error', (error) => (failure ??= error));
  return { worker, closed };
}

function startVictim(): Victim {
  const page = ledger.pages[next++];
  const { token, workerId } = hands.heap.reserve();
  const { worker, closed } = start(page, token, {});
  void closed.then(() => bury(page, workerId));
  return { page, workerId, worker, left: random.int(1, 20) };
}

function bury(page: Page, workerId: number): void {
  try {
    hands.heap.reclaim(workerId);
    page.inherit(hands.heap);
    buried++;
  } catch (error) {
    failure ??= error;
  }
}
/** What the program does between two pictures. */
function frame(): void {
  const end = performance.now() + WORK_MS;
  while (performance.now() < end) hands.step();
  if (random.oneIn(8)) hands.collect();
  for (const victim of victims) {
    if (victim.page.phase < Phase.attaching || --victim.left > 0) continue;
    void victim.worker.terminate();
    kills++;
  }
  victims = victims.filter(({ left }) => left > 0);
  while (victims.length < AT_ONCE && kills + victims.length - buried < 2 * AT_ONCE && next < ledger.pages.length)
    victims.push(startVictim());
}

async function main(): Promise<BrowserFigures> {
  const survivor = start(ledger.pages[1], heap.token, { again: heap.token });
  const end = performance.now() + 1000 * seconds;
  let frames = 0;
  for (; performance.now() < end && failure === undefined; frames++) {
    frame();
    await pause(FRAME_MS - WORK_MS);
  }
  for (const { worker } of victims) void worker.terminate();
  kills += victims.length;
  ledger.market.stop();
  const isQuiet = (): boolean => buried === kills && ledger.pages[1].phase === Phase.stopped;
  await until(() => failure !== undefined || isQuiet(), 'everyone to rest');
  if (failure !== undefined) throw failure as Error;
  const { live, lost } = audit(hands.heap, ledger);
  freeAll(hands.heap, live);
  void survivor.worker.terminate();
  await survivor.closed;
  // The survivor may have come and gone; whoever is left in the heap beside this thread is the survivor.
  for (const { workerId } of heap.stats().workers) hands.heap.reclaim(workerId);
  hands.heap.collect();
  empty(heap);
  const { workers } = heap.stats();
  ensure(workers.length === 1, () => `slots are still taken: ${JSON.stringify(workers)}`);
  return { seconds, seed, frames, kills, lost, waits, ...calls };
}

const figures = await main();
process.stdout.write(`${JSON.stringify(figures)}\n`);
