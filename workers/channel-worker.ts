/** A thread of `npm run bench -- channel`: one side of one case. */
import { parentPort, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { play, type Seat } from '../bench/channel/cases.js';

const { token, seat } = workerData as { token: Heap['token']; seat: Seat };
const heap = Heap.attach(token);
parentPort?.postMessage(await play(seat, heap));
heap.detach();
seat.port?.close();
