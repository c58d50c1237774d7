// Code that uses a heap rightly, for `sabmalloc fuzz --use`.
export function guest(heap) {
  const held = [];
  return {
    steps: {
      add: (random) => void held.push(heap.malloc(random % 300)),
      drop: () => heap.free(held.pop()),
    },
    close: () => heap.freeMany(held),
  };
}
