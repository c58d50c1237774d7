// Watches the main thread from outside. If its pulse stops, a call does not return, and the thread can't say so itself:
// then this one says what was going on and ends the process.
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

const { beats, awayMs } = workerData;
const STDERR = 2;
const LOOK_EVERY_MS = 250;

let what = 'nothing told';
let seen = -1;
let since = performance.now();

parentPort.on('message', (message) => (what = message));

setInterval(() => {
  const now = Atomics.load(beats, 0);
  if (now !== seen) {
    seen = now;
    since = performance.now();
  } else if (performance.now() - since > awayMs) {
    writeSync(STDERR, `The main thread has not come back for ${awayMs / 1000} s. It was at: ${what}\n`);
    process.kill(process.pid, 'SIGKILL');
  }
}, LOOK_EVERY_MS);
