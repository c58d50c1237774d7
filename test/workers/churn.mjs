// Allocates, frees and hands over blocks until told to stop, or until it is killed: the victim and the survivor of the
// storms. What it holds is in a ledger outside the heap, so that whoever is left can tell what the dead one had.
//
// A ledger page: word 0 how far the worker got, then an entry of two words a block: address and bytes. The address is
// written after the block was allocated and stamped. It is marked with a low bit before the block is freed, resized or
// given away, so a marked entry may or may not be live; there is at most one.
import { parentPort, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { damage, Random, stamp } from './common.mjs';

const ATTACHING = 1;
const ATTACHED = 2;
const WORKING = 3;
const STOPPED = 4;
const MARK = 1;

const { token, ledger, page, entries, seed, largest, control } = workerData;
const words = new Uint32Array(ledger);
const base = page * (1 + 2 * entries);
const stop = new Int32Array(control, 0, 1);
const box = new Uint32Array(control, 4);
const tag = page & 0xff;
const random = new Random(seed);

const said = (state) => Atomics.store(words, base, state);
const wordOf = (entry) => base + 1 + 2 * entry;
const mark = (entry, address) => Atomics.store(words, wordOf(entry), address | MARK);
const clear = (entry) => Atomics.store(words, wordOf(entry), 0);

said(ATTACHING);
const heap = Heap.attach(token);
said(ATTACHED);

function record(entry, address, bytes) {
  stamp(heap.u8, address, bytes, tag);
  Atomics.store(words, wordOf(entry) + 1, bytes);
  Atomics.store(words, wordOf(entry), address);
}

function allocate(entry) {
  const bytes = random.size(8, largest);
  const address = random.oneIn(8) ? heap.tryMalloc(bytes, 64 << random.int(0, 6)) : heap.tryMalloc(bytes);
  if (address !== 0) record(entry, address, bytes);
}

function resize(entry, address) {
  const bytes = random.size(8, largest);
  mark(entry, address);
  try {
    record(entry, heap.realloc(address, bytes), bytes);
  } catch (error) {
    if (error.code !== 'ERR_HEAP_OUT_OF_MEMORY') throw error;
    Atomics.store(words, wordOf(entry), address);
  }
}

function give(entry, address) {
  mark(entry, address);
  if (Atomics.compareExchange(box, random.int(0, box.length - 1), 0, address) === 0) clear(entry);
  else Atomics.store(words, wordOf(entry), address);
}

function freeOfOthers() {
  const address = Atomics.exchange(box, random.int(0, box.length - 1), 0);
  if (address !== 0) heap.free(address);
}

function step() {
  const entry = random.int(0, entries - 1);
  const address = Atomics.load(words, wordOf(entry));
  const choice = random.int(0, 15);
  if (choice === 0) freeOfOthers();
  else if (address === 0) allocate(entry);
  else if (choice < 3) give(entry, address);
  else if (choice < 6) resize(entry, address);
  else {
    const at = damage(heap.u8, address, Atomics.load(words, wordOf(entry) + 1), tag);
    if (at !== -1) throw new Error(`block ${address} of ledger page ${page} is damaged at byte ${at}`);
    mark(entry, address);
    heap.free(address);
    clear(entry);
  }
  if (random.oneIn(500)) heap.collect();
}

said(WORKING);
while (Atomics.load(stop, 0) === 0) for (let i = 0; i < 50; i++) step();
said(STOPPED);

// A survivor stays attached and answers when it is asked to bring home what others freed, and to leave.
parentPort.on('message', ({ id, op }) => {
  if (op === 'collect') heap.collect();
  else heap.detach();
  parentPort.postMessage({ id, result: heap.workerId });
});
