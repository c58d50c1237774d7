// Allocates, stamps, trades blocks with the other workers through a shared mailbox, verifies and frees, as fast as it can.
// A block carries its size and stamp in its first 16 bytes, so that whoever takes it can verify it.
import { parentPort, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { damage, nonZero, Random, stamp } from './common.mjs';

const { token, mailbox, seed, steps, largest, keep } = workerData;
const HEAD_BYTES = 16;

const heap = Heap.attach(token);
const random = new Random(seed);
const box = new Uint32Array(mailbox);
const held = [];
const counts = { allocated: 0, freed: 0, given: 0, taken: 0, moved: 0, refused: 0 };

const bytesOf = (address) => heap.u32[address >>> 2];
const tagOf = (address) => heap.u32[(address >>> 2) + 1];

function label(address, bytes, tag) {
  heap.u32[address >>> 2] = bytes;
  heap.u32[(address >>> 2) + 1] = tag;
  stamp(heap.u8, address + HEAD_BYTES, bytes - HEAD_BYTES, tag);
}

/** Looks at the first `bytes` bytes of a block that was labelled with `stamped`. */
function verify(address, bytes = bytesOf(address), stamped = bytes) {
  const at = damage(heap.u8, address + HEAD_BYTES, bytes - HEAD_BYTES, tagOf(address), stamped - HEAD_BYTES);
  if (at !== -1) throw new Error(`block ${address} of ${stamped} bytes is damaged at byte ${at + HEAD_BYTES}`);
}

/** The result of an allocation, or `otherwise` where there is no room. */
function attempt(allocation, otherwise) {
  try {
    return allocation();
  } catch (error) {
    if (error.code !== 'ERR_HEAP_OUT_OF_MEMORY') throw error;
    counts.refused++;
    return otherwise;
  }
}

function zeroed(bytes) {
  const address = attempt(() => heap.calloc(bytes), 0);
  if (address !== 0 && nonZero(heap.u8, address, bytes) !== -1) throw new Error(`calloc: old bytes in ${address}`);
  return address;
}

function take(addresses, bytes) {
  for (const address of addresses) {
    label(address, bytes, random.next());
    held.push(address);
    counts.allocated++;
  }
}

function allocate() {
  const bytes = random.size(HEAD_BYTES, largest);
  const kind = random.int(0, 7);
  if (kind === 0)
    return take(
      attempt(() => heap.mallocMany(bytes, 3), []),
      bytes,
    );
  const alignment = 16 << random.int(0, 6);
  const address =
    kind === 1 ? zeroed(bytes) : kind === 2 ? heap.tryMalloc(bytes, alignment) : attempt(() => heap.malloc(bytes), 0);
  if (address !== 0) take([address], bytes);
}

function takeHeld() {
  const i = random.int(0, held.length - 1);
  const address = held[i];
  held[i] = held[held.length - 1];
  held.length--;
  return address;
}

function give() {
  const address = takeHeld();
  if (Atomics.compareExchange(box, random.int(0, box.length - 1), 0, address) === 0) counts.given++;
  else held.push(address);
}

function takeFromOthers() {
  const address = Atomics.exchange(box, random.int(0, box.length - 1), 0);
  if (address === 0) return;
  counts.taken++;
  verify(address);
  held.push(address);
}

function free() {
  const address = takeHeld();
  verify(address);
  heap.free(address);
  counts.freed++;
}

function freeSome() {
  const some = Array.from({ length: Math.min(held.length, 4) }, takeHeld);
  for (const address of some) verify(address);
  heap.freeMany(some);
  counts.freed += some.length;
}

function resize() {
  const old = takeHeld();
  const stamped = bytesOf(old);
  const bytes = random.size(HEAD_BYTES, largest);
  const address = attempt(() => heap.realloc(old, bytes), 0);
  if (address === 0) return void held.push(old);
  counts.moved += address === old ? 0 : 1;
  verify(address, Math.min(bytes, stamped), stamped);
  label(address, bytes, random.next());
  held.push(address);
}

function step() {
  const choice = random.int(0, 99);
  if (held.length === 0 || (choice < 35 && held.length < keep)) allocate();
  else if (choice < 50) give();
  else if (choice < 70) takeFromOthers();
  else if (choice < 80) resize();
  else if (choice < 84) freeSome();
  else free();
  if (choice === 99 && random.oneIn(20)) heap.collect();
}

parentPort.on('message', ({ id, op }) => {
  try {
    if (op === 'run') for (let i = 0; i < steps; i++) step();
    else if (op === 'drain') while (held.length > 0) free();
    parentPort.postMessage({ id, result: { ...counts, held: held.map((address) => [address, bytesOf(address)]) } });
  } catch (error) {
    parentPort.postMessage({ id, error: { code: error.code, isHeapError: false, message: String(error.stack) } });
  }
});
