/** A worker of `npm run bench -- map`: plays its part of the mix, or plays until it is killed. */
import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { Draw, isOf, play, tableOf, valueOf, type Mix } from '../bench/map/mix.js';

const { token, mix, isEndless } = workerData as { token: Heap['token']; mix: Mix; isEndless: boolean };
const port = parentPort!;

/** Each access is a question to the thread that has the map, and its answer. */
async function playByMessages({ entries, accesses, seed }: Mix): Promise<number> {
  const draw = new Draw(seed);
  let right = 0;
  for (let i = 0; i < accesses; i++) {
    const key = draw.below(entries);
    const isSet = draw.below(10) === 0;
    port.postMessage(JSON.stringify(isSet ? { key, value: valueOf(key, i & 1023) } : { key }));
    const [answer] = (await once(port, 'message')) as [string];
    if (isSet) continue;
    if (!isOf(key, JSON.parse(answer) as number)) throw new Error(`under ${key} lies another key's value`);
    right++;
  }
  return right;
}

if (mix.candidate === 'Map in one thread, by messages') {
  port.postMessage('ready');
  await once(port, 'message');
  port.postMessage({ right: await playByMessages(mix) });
} else {
  const table = tableOf(Heap.attach(token), mix);
  // Until the engine has compiled it.
  play(table, { ...mix, accesses: mix.accesses / 10 });
  port.postMessage('ready');
  await once(port, 'message');
  do {
    port.postMessage({ right: play(table, mix) });
  } while (isEndless);
}
