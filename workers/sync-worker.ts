/** The second thread of `npm run bench -- sync`: plays its side of each duel that it is told. */
import { parentPort, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { play, type Duel, type Ground } from '../bench/sync/duel.js';

export interface SyncOrder {
  readonly duel: Duel;
  readonly rounds: number;
}

const { token, ground } = workerData as { token: Heap['token']; ground: Ground };
const heap = Heap.attach(token);

parentPort?.on('message', ({ duel, rounds }: SyncOrder) => {
  parentPort?.postMessage(play(duel, heap, ground, 1, rounds));
});
parentPort?.postMessage(0);
