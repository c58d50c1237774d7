// A heap with a bug, for `sabmalloc fuzz --use`: its calloc leaves a byte as it was.
export function wrap(heap) {
  const { calloc } = heap;
  heap.calloc = (bytes, alignment) => {
    const address = calloc.call(heap, bytes, alignment);
    if (bytes >= 100) heap.u8[address + 99] = 1;
    return address;
  };
  return heap;
}
