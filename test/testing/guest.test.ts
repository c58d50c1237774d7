import { type Heap } from 'sabmalloc';
import { fuzzHeap, type Guest } from 'sabmalloc/testing';
import { describe, expect, it } from 'vitest';

const SEED = 11;

type Step = (heap: Heap, held: number[], random: number) => void;

/** Holds blocks in a list; `step` is what it does besides allocating and freeing rightly. */
const guestWith =
  (step: Step, keep = 0) =>
  (heap: Heap): Guest => {
    const held: number[] = [];
    return {
      steps: {
        add: (random) => void held.push(heap.malloc(random % 500)),
        drop: (random) => {
          if (held.length > 0) heap.free(held.splice(random % held.length, 1)[0]);
        },
        extra: (random) => step(heap, held, random),
      },
      close: () => heap.freeMany(held.splice(keep)),
    };
  };

const failure = (guest: (heap: Heap) => Guest): Promise<unknown> => fuzzHeap({ guest, seed: SEED, runs: 60 });

describe('a guest', () => {
  it('that does right is found to do right, alone and among workers', async () => {
    const guest = guestWith((heap, held, random) => {
      if (held.length > 0) held[0] = heap.realloc(held[0], random % 9000);
    });
    await fuzzHeap({ guest, seed: SEED, runs: 25 });
    const { reached } = await fuzzHeap({ guest, seed: SEED, runs: 4, workers: 1 });
    expect(reached['block of another worker freed']).toBeGreaterThan(0);
  });

  it('may run out of memory', async () => {
    let refused = 0;
    const guest = guestWith((heap, held, random) => {
      try {
        held.push(heap.malloc(random * 20));
      } catch (error) {
        refused++;
        throw error;
      }
    });
    await fuzzHeap({ guest, seed: SEED, runs: 40, heap: { maxBytes: 1 << 19 } });
    expect(refused).toBeGreaterThan(0);
  });

  it('that leaks is named, with the block', async () => {
    const leak = failure(guestWith(() => {}, 1));
    await expect(leak).rejects.toThrow(
      /main: guest step .* - add\(\d+\)[^]*close\(\) left 1 blocks: \d+ \(\d+ bytes\)/,
    );
  });

  it('that frees twice is named', async () => {
    const guest = guestWith((heap, held) => {
      if (held.length > 0) heap.free(held[0]);
    });
    await expect(failure(guest)).rejects.toThrow(/- extra\(\d+\)[^]*ERR_HEAP_DOUBLE_FREE|HeapError: free\(\d+\)/);
  });

  it('that frees a block of somebody else is named', async () => {
    const guest = guestWith((heap, held) => {
      const other = [...heap.blocks()].find(({ address }) => !held.includes(address));
      if (other !== undefined) heap.free(other.address);
    });
    await expect(failure(guest)).rejects.toThrow(/it freed block \d+ of \d+ bytes, which is not its own/);
  });

  it('that writes past its block is found by the neighbour', async () => {
    const guest = guestWith((heap, held, random) => {
      if (held.length > 0) heap.u8[held[0] + heap.usableSize(held[0])] = random;
    });
    await expect(failure(guest)).rejects.toThrow(
      /- extra\(\d+\)\nContractError: block \d+ of \d+ bytes is damaged at byte 0/,
    );
  });

  it('that throws is named, with what it threw', async () => {
    const guest = guestWith((_, held) => {
      if (held.length > 2) throw new RangeError('three are too many');
    });
    await expect(failure(guest)).rejects.toThrow(/RangeError: three are too many/);
  });

  it('that cannot even start is a failure', async () => {
    const guest = (): Guest => {
      throw new Error('not today');
    };
    await expect(failure(guest)).rejects.toThrow(/Error: not today/);
  });
});
