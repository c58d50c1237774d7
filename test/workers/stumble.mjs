// A worker that stops at the `at`-th atomic operation of one call: for ever, as if it were killed right there, or,
// where it `waits`, until the gate is opened. It counts the operations in a word that others can read.
import { workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';

const { token, call, args = [], at, gate, waits } = workerData;
const { add, store, wait } = Atomics;
const words = new Int32Array(gate);
const [ARRIVED, OPEN, STEPS] = [0, 1, 2];
const heap = call === 'attach' ? undefined : Heap.attach(token);

function stop() {
  // In a worker this ends the thread at once.
  if (!waits) process.exit(1);
  store(words, ARRIVED, 1);
  wait(words, OPEN, 0);
}

for (const name of ['load', 'store', 'add', 'or', 'and', 'exchange', 'compareExchange']) {
  const operation = Atomics[name];
  Atomics[name] = (...of) => {
    if (add(words, STEPS, 1) + 1 === at) stop();
    return operation(...of);
  };
}

if (call === 'attach') Heap.attach(token);
else heap[call](...args);
process.exit(0);
