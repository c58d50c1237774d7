import { writeSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { pageOf } from './page.js';
import { type ServerOrder, type ServerSetup, type ServerWord } from './server.js';
import { stringify } from './snapshot-text.js';
import { WatchedHeaps } from './watched.js';

/* The thread of the live server. Its main thread may be busy for ever: nothing here waits for it. */

const LOOPBACK = '127.0.0.1';
const SAMPLE_EVERY_MS = 1000;
/** Counting a large heap takes a while: never more than this part of the time. */
const SAMPLE_SHARE = 20;
const STDERR = 2;

const setup = workerData as ServerSetup;
const port = parentPort!;
const heaps = new WatchedHeaps();
const server = createServer(serve);
let timer: NodeJS.Timeout | undefined;

const say = (word: ServerWord): void => port.postMessage(word);
/** Standard error of a worker goes through the main thread; this doesn't. */
function tellUser(line: string): void {
  if (setup.isForProgram) writeSync(STDERR, `sabmalloc: ${line}\n`);
}

const openPort = (): number => (server.address() as AddressInfo).port;

/** A page of another site that got its name to mean this machine still sends its own name. */
function isForUs({ headers: { host } }: IncomingMessage): boolean {
  return host === `${LOOPBACK}:${openPort()}` || host === `localhost:${openPort()}`;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const refusal = (status: number, why: string): Answer => ({ status, type: 'text/plain', body: `${why}\n` });

function answerTo(request: IncomingMessage): Answer {
  if (!isForUs(request)) return refusal(403, `Ask for http://${LOOPBACK}:${openPort()}/.`);
  if (request.method !== 'GET') return refusal(405, 'There is nothing here but to read.');
  const { pathname, searchParams } = new URL(request.url ?? '/', `http://${LOOPBACK}`);
  if (pathname === '/') return { status: 200, type: 'text/html', body: pageOf() };
  if (pathname !== '/snapshot') return refusal(404, 'There is / and /snapshot.');
  return { status: 200, type: 'application/json', body: stringify(heaps.answer(searchParams.get('heap'))) };
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  let answer: Answer;
  try {
    answer = answerTo(request);
  } catch (error) {
    answer = refusal(500, String(error));
  }
  response.writeHead(answer.status, {
    'content-type': `${answer.type}; charset=utf-8`,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
  });
  response.end(answer.body);
}

function sampleSoon(after: number): void {
  timer = setTimeout(() => {
    const start = performance.now();
    try {
      heaps.sample();
    } catch (error) {
      tellUser(`a heap can't be counted: ${String(error)}`);
    }
    sampleSoon(Math.max(SAMPLE_EVERY_MS, SAMPLE_SHARE * (performance.now() - start)));
  }, after);
}

function close(): void {
  clearTimeout(timer);
  heaps.leave();
  server.close();
  server.closeAllConnections();
  port.close();
}

function obey(order: ServerOrder): void {
  if (order === 'close') {
    close();
    return;
  }
  try {
    heaps.add(order.token);
    say({ heapId: order.token.heapId });
  } catch (error) {
    tellUser(`no picture of a heap: ${(error as Error).message}`);
    say({ failure: (error as Error).message });
  }
}

server.on('error', (error: NodeJS.ErrnoException) => {
  if (setup.isForProgram && error.code === 'EADDRINUSE') {
    tellUser(`port ${setup.port} is taken, so another one`);
    server.listen(0, LOOPBACK);
  } else say({ failure: error.message });
});
server.on('listening', () => {
  tellUser(`http://${LOOPBACK}:${openPort()}/ shows the heap`);
  say({ port: openPort() });
  // Orders wait until there is an answer to where they can be seen.
  port.on('message', obey);
  sampleSoon(SAMPLE_EVERY_MS);
});
server.listen(setup.port, LOOPBACK);
