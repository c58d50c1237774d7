/** The script of a worker thread that does what it is told: each request is answered before the next is read. */
import { parentPort } from 'node:worker_threads';
import { Heap } from '../index.js';
import { type Ending, failureOf, perform, type Reply, type Request } from './task.js';

if (parentPort === null) throw new Error('this is the script of a worker thread: fuzzHeap({ workers }) starts it');
const port = parentPort;

let heap: Heap | undefined;

function answer(request: Request): unknown {
  if ('attach' in request) {
    heap = Heap.attach(request.attach);
    return heap.workerId;
  }
  if ('task' in request) {
    if (heap === undefined) throw new Error('told to work before it was told to attach');
    return perform(heap, request.task);
  }
  endBy(request.end);
  return undefined;
}

/** In a later turn of the event loop, so that the answer gets out. */
function endBy(ending: Ending): void {
  setImmediate(() => {
    if (ending === 'threw') throw new Error('told to throw');
    port.close();
  });
}

port.on('message', (request: Request) => {
  let reply: Reply;
  try {
    reply = { id: request.id, result: answer(request) };
  } catch (error) {
    reply = { id: request.id, failure: failureOf(error) };
  }
  port.postMessage(reply);
});
