/** A thread with an instance of the module of its own, over the heap of all: parses one text, drops the tree of another thread. */
import { once } from 'node:events';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { wrapModule } from 'sabmalloc/wasm';
import { type Json } from './module.js';

export interface WorkerSetup {
  readonly module: WebAssembly.Module;
  readonly token: Heap['token'];
  readonly text: number;
  readonly length: number;
}

const { module, token, text, length } = workerData as WorkerSetup;
const port = parentPort as MessagePort;

const heap = Heap.attach(token);
const json = wrapModule<Json>(module, { heap });
port.postMessage(json.exports.json_parse(text, length));
const [tree] = (await once(port, 'message')) as [number];
json.exports.json_drop(tree);
port.postMessage(json.counters.served);
json.release();
heap.detach();
port.close();
