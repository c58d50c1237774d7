// Works with the heap until told to stop, or until it is killed: the victim and the survivor of the storms. What it
// holds is in a ledger outside the heap. A victim may have a scene: it announces that it is poised, waits for the word
// go, and then does little but the one thing in the midst of which it is to be killed.
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { Random } from './common.mjs';
import { Hands } from './hands.mjs';
import { Market, Page, Phase } from './ledger.mjs';

const { ledger, entries, control, page: number, seed, largest, token } = workerData;
/** `again` is a token to attach with as often as wanted; `pace` the milliseconds of rest between two rounds of work. */
const { again, scene, child, pace, overflows, hugeBytes } = workerData;
const ending = workerData.ending ?? { kind: 'none', after: 0 };

const words = new Uint32Array(ledger);
const pageOf = (index) => new Page(words, index, entries);
const page = pageOf(number);
const market = new Market(control);
const random = new Random(seed);
const hands = new Hands(page, market, random, largest);

/**
 * Until there is a slot and room for a control block: in a heap at its brim that may take a while. A reservation is good
 * for one attempt: then false says that there was no room.
 */
function attach(withToken) {
  for (;;) {
    page.phase = Phase.attaching;
    try {
      hands.heap = Heap.attach(withToken);
      page.phase = Phase.working;
      return true;
    } catch (error) {
      if (!['ERR_HEAP_OUT_OF_MEMORY', 'ERR_HEAP_WORKERS'].includes(error.code)) throw error;
      page.refuse();
      if (withToken.workerId !== undefined || market.isStopped) return false;
      market.rest(1);
    }
  }
}

function detach() {
  hands.during(Phase.detaching, () => hands.heap.detach());
  hands.heap = undefined;
}

function poise() {
  page.phase = Phase.poised;
  while (!page.mayGo);
  page.phase = Phase.working;
}

function work(steps) {
  for (let i = 0; i < steps; i++) hands.step();
  hands.bury(pageOf);
  if (random.oneIn(10)) hands.collect();
  if (overflows && random.oneIn(15)) hands.dive();
}

/** A block of some MiB, to have the region grow or to use it up; its ends are written to, the rest is never touched. */
function allocateHuge(phase, bytes) {
  const { heap } = hands;
  const entry = hands.emptyEntry();
  if (entry === -1) return false;
  page.reach();
  const address = hands.during(phase, () => heap.tryMalloc(bytes));
  if (address === 0) {
    hands.refused();
    return false;
  }
  page.hold(entry, address, 64);
  hands.stamp(entry);
  const last = Math.floor((address + bytes) / 8) - 1;
  heap.f64[last] = bytes;
  if (heap.f64[last] !== bytes)
    throw new Error(`the last bytes of block ${address} of ${bytes} bytes can't be reached`);
  return true;
}

function freeEverything() {
  for (let entry = 0; entry < entries; entry++)
    if (page.address(entry) !== 0 && !page.isMarked(entry)) hands.free(entry);
}

function comeAndGo() {
  hands.step();
  detach();
  attach(again);
}

/** What a victim does in its scene, again and again. */
const SCENES = {
  work: () => work(20),
  attach: () => (again === undefined ? work(20) : comeAndGo()),
  detach: comeAndGo,
  free() {
    hands.during(Phase.freeing, () => hands.freeUnseen());
    work(20);
  },
  resize() {
    // Large blocks, in place where there is room; only their heads are written to.
    const bytes = random.int(40_000, hugeBytes >>> 4);
    const entry = random.int(0, 1);
    if (page.isMarked(entry)) return;
    if (page.address(entry) === 0) hands.allocate(entry, 40_000);
    else hands.during(Phase.resizing, () => hands.resize(entry, bytes, 64));
  },
  grow() {
    if (!allocateHuge(Phase.growing, random.int(1 << 20, 5 << 20))) freeEverything();
  },
  adopt() {
    // Nearly the whole region: there is no room for it, so everything that can be scraped together is.
    if (allocateHuge(Phase.adopting, hugeBytes)) freeEverything();
    work(5);
  },
  collect() {
    hands.step();
    hands.collect();
  },
  reclaim() {
    const workerId = page.takeMail();
    if (workerId !== 0) hands.during(Phase.reclaiming, () => hands.heap.reclaim(workerId));
  },
  overflow: () => hands.dive(),
};

/** Has a worker of its own and kills it: the heap learns of that death from this thread, unless it dies first. */
async function raiseAndKill() {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { ...workerData, ...child },
    execArgv: [],
    env: {},
  });
  worker.once('exit', () => (page.phase = Phase.reclaiming));
  hands.heap.watch(worker, child.workerId);
  worker.once('exit', () => (page.phase = Phase.working));
  while (pageOf(child.page).phase < Phase.working) {
    work(5);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  poise();
  await worker.terminate();
}

async function live() {
  if (scene === 'attach') poise();
  if (!attach(token)) return;
  if (scene === undefined) return workOn();
  // What is to be freed in the scene is on the page from the beginning.
  if (scene !== 'free') work(random.int(20, 400));
  if (child !== undefined) await raiseAndKill();
  else poise();
  for (;;) SCENES[scene]();
}

function workOn() {
  const last = ending.kind === 'none' ? Infinity : ending.after;
  for (let round = 0; round < last && !market.isStopped; round++) {
    work(50);
    if (again !== undefined && random.oneIn(60)) comeAndGo();
    if (pace > 0) market.rest(pace);
  }
}

const ENDS = {
  /** A survivor stays, and answers when it is asked to bring home what others freed, and to leave. */
  none: () => parentPort.on('message', answer),
  /** Nothing left to do: the thread ends by itself, without having detached. */
  returns() {},
  detaches: () => hands.heap?.detach(),
  exits: () => process.exit(3),
  throws() {
    throw new Error('as planned');
  },
};

function answer({ id, op }) {
  if (op === 'collect') hands.heap?.collect();
  else hands.heap?.detach();
  parentPort.postMessage({ id });
}

await live();
page.phase = Phase.stopped;
ENDS[ending.kind]();
