// A worker that hammers a vector, a byte string, interned texts or a priority queue until a word says stop, or it is killed. What it does is
// noted in a ledger that all share: `1` before a value is put in, `2` after, and `16` each time that it was taken out.
import { parentPort, workerData } from 'node:worker_threads';
import { Heap, HeapError } from 'sabmalloc';
import { ByteString, PriorityQueue, Texts, Vector, texts } from 'sabmalloc/collections';
import { Random } from './common.mjs';

const { token, ledger, seed } = workerData;
const heap = Heap.attach(token);
const random = new Random(seed);
const [STOP, NEXT, FIRST] = [0, 1, 2];

/** What is put in for a number, so that anything else is seen to be damaged. */
const textOf = (id) => `${id}:${'x'.repeat(id % 40)}`;
function idOf(text) {
  const id = Number.parseInt(text, 10);
  if (text !== textOf(id)) throw new Error(`damaged: ${JSON.stringify(text)}`);
  return id;
}

const isOver = () => Atomics.load(ledger, STOP) !== 0;
const begin = () => {
  const id = Atomics.add(ledger, NEXT, 1) % (ledger.length - FIRST);
  Atomics.or(ledger, FIRST + id, 1);
  return id;
};
const end = (id) => Atomics.or(ledger, FIRST + id, 2);
const took = (text) => Atomics.add(ledger, FIRST + idOf(text), 16);
/** Room in the ledger is for so many: then they are only taken. */
const isFull = () => Atomics.load(ledger, NEXT) >= ledger.length - FIRST - 100;

const hammers = {
  vector(address) {
    const vector = Vector.at(heap, address, texts);
    return () => {
      const what = random.int(0, 9);
      if (what < 4 && !isFull()) {
        const id = begin();
        vector.push(textOf(id));
        end(id);
      } else if (what < 5 && !isFull()) {
        const ids = [begin(), begin(), begin()];
        vector.pushMany(ids.map(textOf));
        ids.forEach(end);
      } else if (what < 8) {
        const text = vector.pop();
        if (text !== undefined) took(text);
      } else {
        const text = vector.at(random.int(-5, 5));
        if (text !== undefined) idOf(text);
      }
    };
  },
  set(address) {
    const vector = Vector.at(heap, address, texts);
    return () => {
      const place = random.int(0, 3);
      if (random.oneIn(2)) vector.set(place, textOf(random.int(0, 1000)));
      else idOf(vector.at(place));
    };
  },
  queue(address) {
    const queue = PriorityQueue.at(heap, address, texts);
    return () => {
      if (random.oneIn(2) && !isFull()) {
        const id = begin();
        queue.push(textOf(id), id % 7);
        end(id);
      } else {
        const text = queue.pop();
        if (text !== undefined) took(text);
      }
    };
  },
  bytes(address) {
    const string = ByteString.at(heap, address);
    return () => {
      if (isFull()) return;
      const id = begin();
      const at = string.append(`<${textOf(id)}>`);
      if (string.toText(at, at + textOf(id).length + 2) !== `<${textOf(id)}>`) throw new Error(`damaged: ${id}`);
      end(id);
    };
  },
  /** Here the ledger holds the number of each text, plus 1. */
  texts(address) {
    let table = Texts.at(heap, address);
    return () => {
      const id = random.int(0, ledger.length - FIRST - 1);
      const number = random.oneIn(3) ? table.lookUp(textOf(id)) : table.intern(textOf(id));
      if (number === undefined) {
        if (Atomics.load(ledger, FIRST + id) !== 0) throw new Error(`${id} is not found any more`);
        return;
      }
      const before = Atomics.compareExchange(ledger, FIRST + id, 0, number + 1);
      if (before !== 0 && before !== number + 1) throw new Error(`${id} has the numbers ${before - 1} and ${number}`);
      if (table.text(number) !== textOf(id)) throw new Error(`${number} is ${table.text(number)}, not that of ${id}`);
      // Opened anew it remembers nothing.
      if (random.oneIn(50)) table = Texts.at(heap, address);
    };
  },
};

function hammer(kind, address) {
  const step = hammers[kind](address);
  let steps = 0;
  for (; !isOver(); steps++) step();
  return steps;
}

parentPort.on('message', ({ id, op, args }) => {
  try {
    if (op === 'forever') {
      // Answers first: it is killed before it is done.
      parentPort.postMessage({ id, result: 0 });
      setImmediate(() => hammer(...args));
    } else parentPort.postMessage({ id, result: hammer(...args) });
  } catch (error) {
    const isHeapError = error instanceof HeapError;
    parentPort.postMessage({ id, error: { code: error.code, isHeapError, message: String(error.message) } });
  }
});
