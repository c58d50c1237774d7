// Leaves blocks behind, and ends as it is told: by itself, after `detach`, or having freed them.
import { Heap } from 'sabmalloc';

const heap = Heap.create({ preset: 'debug', maxBytes: 1 << 24 });

function makeMesh() {
  return heap.malloc(1024);
}

const [, , ending] = process.argv;
const meshes = [makeMesh(), makeMesh(), makeMesh()];
const name = heap.malloc(24);
if (ending === 'free') heap.freeMany([...meshes, name]);
if (ending === 'detach') heap.detach();
