/** The program: `npm run start:wasm-json`. A JSON parser in C, and JavaScript, in one heap. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Heap } from 'sabmalloc';
import { wrapModule } from 'sabmalloc/wasm';
import { compileJson, type Json } from './module.js';
import { Kind, Tree } from './tree.js';
import { type WorkerSetup } from './worker.js';

const MAX_BYTES = 64 << 20;
const PAGE_BYTES = 65536;
const PRODUCTS = 5000;

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

/** The text of a shop: a list of products with a price and tags. */
function shop(products: number): string {
  const product = (n: number): object => ({ name: `product "${n}"`, price: n / 4, tags: ['new', 'red'].slice(n % 3) });
  return JSON.stringify({ products: Array.from({ length: products }, (_, n) => product(n)) });
}

/** A text in the heap, for C to parse and to free. */
function textIn(heap: Heap, text: string): { text: number; length: number } {
  const bytes = new TextEncoder().encode(text);
  const view = heap.allocUnsafe(Uint8Array, bytes.length);
  view.set(bytes);
  return { text: heap.addressOf(view), length: bytes.length };
}

function liveBlocks(heap: Heap): number {
  heap.collect();
  return heap.stats().liveBlocks;
}

/** C allocates, JavaScript reads and frees; JavaScript allocates, C frees. */
function passToAndFro(heap: Heap, json: Json): void {
  const tree = new Tree(heap);
  const { text, length } = textIn(heap, shop(PRODUCTS));
  const root = json.json_parse(text, length);
  print(`C parsed ${length} bytes that JavaScript had allocated, freed them, and left ${liveBlocks(heap)} blocks`);
  const products = tree.get(root, 'products');
  let total = 0;
  for (let i = 0; i < tree.length(products); i++) total += tree.number(tree.get(tree.element(products, i), 'price'));
  print(`JavaScript walked the tree of C: ${tree.length(products)} products cost ${total}`);
  const last = tree.pop(products);
  const name = tree.text(tree.get(last, 'name'));
  print(`JavaScript took ${name} out and freed ${tree.free(last)} blocks that C had allocated`);
  for (const product of ['a kettle', 'a lamp']) tree.push(products, tree.makeText(product));
  const added = tree.element(products, tree.length(products) - 1);
  print(`JavaScript put in texts of its own, the last is ${tree.kind(added) === Kind.TEXT ? tree.text(added) : '?'}`);
  json.json_drop(root);
  print(
    `C dropped the tree, whoever had allocated its blocks: ${liveBlocks(heap)} left, for thread-local variables of C`,
  );
  const broken = textIn(heap, '{"products": [1, 2, oh]}');
  json.json_parse(broken.text, broken.length);
  print(`C found an error at byte ${json.json_error_offset()}, and freed what it had: ${liveBlocks(heap)} left`);
}

/** Two threads parse; then each drops the tree of the other. */
async function crossOver(heap: Heap, module: WebAssembly.Module): Promise<void> {
  const script = new URL('./worker.js', import.meta.url);
  const workers = [1, 2].map((n) => {
    const workerData: WorkerSetup = { module, token: heap.token, ...textIn(heap, shop(n * PRODUCTS)) };
    const worker = new Worker(script, { workerData });
    heap.watch(worker);
    return worker;
  });
  const answers = async (): Promise<number[]> => {
    const messages = await Promise.all(workers.map((worker) => once(worker, 'message') as Promise<[number]>));
    return messages.map(([answer]) => answer);
  };
  const trees = await answers();
  print(`two threads parsed, each with its own instance in the same heap: ${liveBlocks(heap)} blocks`);
  const gone = Promise.all(workers.map((worker) => once(worker, 'exit')));
  workers.forEach((worker, n) => worker.postMessage(trees[1 - n]));
  const calls = await answers();
  await gone;
  print(`each dropped the tree of the other: ${calls.join(' and ')} calls from C, served by the heap`);
}

async function main(): Promise<number> {
  const module = compileJson();
  const memory = new WebAssembly.Memory({ initial: 2, maximum: MAX_BYTES / PAGE_BYTES + 2, shared: true });
  const { heap, exports, release } = wrapModule<Json>(module, { memory, create: { maxBytes: MAX_BYTES } });
  print(
    `static data and stack of the module end at ${String((exports['__heap_base'] as WebAssembly.Global).value)}, the heap begins at ${heap.bounds.begin}`,
  );
  passToAndFro(heap, exports);
  await crossOver(heap, module);
  release();
  const left = liveBlocks(heap);
  heap.check();
  print(`live blocks: ${left}`);
  return left === 0 ? 0 : 1;
}

process.exitCode = await main();
