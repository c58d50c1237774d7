/** A thread with an HTTP server of its own. What it has rendered is in the cache that its setting names. */
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { LruCache, texts } from 'sabmalloc/collections';
import type { Setting } from './main.js';
import { render } from './render.js';

const { token, cache: address } = workerData as Setting;
const heap = Heap.attach(token);
const cache = address === 0 ? undefined : LruCache.at(heap, address, texts, texts);

function bodyOf(url: string): string {
  const kept = cache?.get(url);
  if (kept !== undefined) return kept;
  const body = render(Number(url.split('/').at(-1)));
  cache?.set(url, body);
  return body;
}

const server = createServer((request, response) => {
  response.setHeader('content-type', 'text/html; charset=utf-8').end(bodyOf(request.url ?? '/'));
});
// A connection that waits for its next request is not to be closed just when that comes.
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port));
