import { Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { empty } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { copyOf, makeImage } from './image.js';
import { impostors } from './programs/making.js';

// Objects that no message could carry: they are given to the heap in the thread that made them.

const create = heapsOfTest();

type Token = Readonly<Record<string, unknown>>;

/** A property that is `first` when it is read for the first time, and `later` from then on. */
function changing(first: unknown, later: unknown): PropertyDescriptor {
  let reads = 0;
  return { get: () => (reads++ === 0 ? first : later), enumerable: true };
}

const withField = (token: Token, field: string, descriptor: PropertyDescriptor): object =>
  Object.defineProperty({ ...token }, field, descriptor);

const angry = (): never => {
  throw new Error('this token is not to be read');
};

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** Unusual, but with everything that a token has. */
const RIGHT: Readonly<Record<string, (token: Token) => object>> = {
  'is frozen': (token) => Object.freeze({ ...token }),
  'inherits its fields': (token) => Object.create(token) as object,
  'has getters': (token) => withField(token, 'memory', { get: () => token.memory }),
  'is a proxy': (token) => new Proxy(token, {}),
  'has fields that no token has': (token) => ({ ...token, next: token, [Symbol('more')]: 1 }),
  'is an array': (token) => Object.assign([1, 2], token),
  'changes its baseSlice after the first look': (token) =>
    withField(token, 'baseSlice', changing(token.baseSlice, 2 ** 31)),
  'changes its memory after the first look': (token) =>
    withField(token, 'memory', changing(token.memory, new SharedArrayBuffer(64))),
  'changes its heapId after the first look': (token) => withField(token, 'heapId', changing(token.heapId, 7)),
};

const WRONG: Readonly<Record<string, (token: Token) => object>> = {
  'is a function': (token) => Object.assign(() => token, token),
  'has a proxy of its memory': (token) => ({ ...token, memory: new Proxy(token.memory as object, {}) }),
  'throws when its memory is read': (token) => withField(token, 'memory', { get: angry }),
  'throws when its kind is read': (token) => withField(token, 'kind', { get: angry }),
  'is a proxy that throws': (token) => new Proxy(token, { get: angry, has: angry, getPrototypeOf: angry }),
  'is a revoked proxy': revokedProxy,
  'has a revoked proxy for its memory': (token) => ({ ...token, memory: revokedProxy() }),
  'has a revoked proxy for its kind': (token) => ({ ...token, kind: revokedProxy() }),
  'has an object that only looks like a SharedArrayBuffer': (token) => ({ ...token, memory: impostors()[0] }),
  'has an object that only looks like a WebAssembly.Memory': (token) => ({ ...token, memory: impostors()[1] }),
  'has a memory that only looks like one, with a real buffer': (token) => ({ ...token, memory: impostors()[2] }),
  'has a WebAssembly.Memory that is not shared': (token) => ({
    ...token,
    memory: new WebAssembly.Memory({ initial: 9 }),
  }),
};

/** The right token of a copy of the region, and whether nothing was written into that. */
function offer(): { token: Token; isUnchanged: () => void } {
  const image = makeImage();
  const memory = copyOf(image.memory);
  const isUnchanged = (): void =>
    expect(Buffer.compare(new Uint8Array(memory), new Uint8Array(image.memory)), 'bytes of the region').toBe(0);
  return { token: { ...image.token, memory }, isUnchanged };
}

describe('attach lets a token in that', () => {
  for (const [name, make] of Object.entries(RIGHT)) {
    it(name, () => {
      const heap = Heap.attach(make(offer().token) as never);
      heap.free(heap.malloc(100));
      heap.check();
      heap.detach();
    });
  }
});

describe('attach refuses, having written nothing, a token that', () => {
  for (const [name, make] of Object.entries(WRONG)) {
    it(name, () => {
      const { token, isUnchanged } = offer();
      refused('ERR_HEAP_TOKEN', () => Heap.attach(make(token) as never));
      isUnchanged();
    });
  }
});

describe('alloc', () => {
  it('keeps no block if the constructor throws', () => {
    class Angry extends Uint8Array<SharedArrayBuffer> {
      constructor(buffer: SharedArrayBuffer, byteOffset: number, length: number) {
        super(buffer, byteOffset, length);
        angry();
      }
    }
    const heap = create({ maxBytes: MIB });
    for (const call of ['alloc', 'allocUnsafe'] as const)
      expect(() => heap[call](Angry, 100)).toThrow('not to be read');
    empty(heap);
  });
});
