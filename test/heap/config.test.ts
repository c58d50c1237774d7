import { readdirSync, readFileSync } from 'node:fs';
import { Heap } from 'sabmalloc';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { empty } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { freeAll, heapsOfTest, KIB, MIB } from '../kit/heaps.js';

const create = heapsOfTest();

interface PresetFile {
  readonly name: string;
  readonly version: number;
  readonly options: { readonly maxBytes?: number };
}

const presetFolder = new URL('../../presets/', import.meta.url);
const presets = readdirSync(presetFolder)
  .filter((file) => file.endsWith('.json') && file !== 'schema.json')
  .map((file) => JSON.parse(readFileSync(new URL(file, presetFolder), 'utf8')) as PresetFile);

/** What must be refused, with what the message must name. */
function isRefused(options: unknown, ...named: readonly string[]): void {
  const error = refused('ERR_HEAP_CONFIG', () => Heap.create(options as never));
  for (const name of named) expect(error.message).toContain(name);
}

describe('an option that does not exist', () => {
  it.each([
    ['maxByte', 'maxBytes'],
    ['maxbytes', 'maxBytes'],
    ['max_workers', 'maxWorkers'],
    ['Backing', 'backing'],
    ['memoryOfset', 'memoryOffset'],
    ['presets', 'preset'],
  ])('is refused: %s, with the suggestion %s', (name, suggestion) => {
    isRefused({ [name]: 1 }, name, suggestion);
  });

  it('is refused whatever its name', () => {
    for (const name of ['__proto__x', 'constructor', 'toString', 'hasOwnProperty', '', '0', 'x'.repeat(1000)]) {
      isRefused({ [name]: 1 });
    }
  });
});

describe('a value that an option cannot have', () => {
  const wrong: Record<string, readonly unknown[]> = {
    maxBytes: [
      ...['1048576', '', NaN, Infinity, -Infinity, 1048576.5, -1048576, 0, 1, 512 * KIB - 1, 2 ** 32 + 1, 2 ** 53],
      ...[1048576n, null, true, {}, [], Symbol('bytes'), () => MIB],
    ],
    maxWorkers: ['4', NaN, Infinity, 1.5, -1, 0, 1e9, 4n, null, true, {}, Symbol('workers')],
    backing: ['mmap', '', 'Growable', 3, null, true, {}, Symbol('backing')],
    memory: [
      'x',
      1,
      null,
      true,
      {},
      [],
      new ArrayBuffer(MIB),
      new Uint8Array(MIB),
      new WebAssembly.Memory({ initial: 16 }),
    ],
  };

  it.each(Object.entries(wrong))('is refused: %s', (name, values) => {
    for (const value of values) isRefused({ [name]: value }, name);
  });

  it('is named in the message, with what would be right', () => {
    isRefused({ maxBytes: 1000 }, 'maxBytes', '1000', String(512 * KIB));
    isRefused({ maxWorkers: 'four' }, 'maxWorkers', 'four', '1');
    isRefused({ backing: 'mmap' }, 'backing', 'mmap', 'growable', 'wasm', 'fixed', 'auto');
  });

  it('is refused where the options are no object', () => {
    for (const options of [null, 1, 'production', true, Symbol('options'), 1n]) isRefused(options);
  });

  it('that is undefined counts as not given', () => {
    const heap = create({ maxBytes: undefined, preset: undefined, memory: undefined } as never);
    heap.free(heap.malloc(16));
    empty(heap);
  });
});

describe('options that exclude each other', () => {
  const memory = new SharedArrayBuffer(2 * MIB);

  it('are refused, and both are named', () => {
    isRefused({ memory, backing: 'growable' }, 'memory', 'backing');
    isRefused({ memory, backing: 'wasm' }, 'memory', 'backing');
    isRefused({ memory, memoryBytes: MIB, maxBytes: MIB }, 'memoryBytes', 'maxBytes');
    isRefused({ memoryOffset: 4096 }, 'memoryOffset', 'memory');
    isRefused({ memoryBytes: MIB }, 'memoryBytes', 'memory');
  });

  it('are refused where the part lies outside the memory', () => {
    isRefused({ memory, memoryOffset: 2 * MIB }, 'memory');
    isRefused({ memory, memoryOffset: 4 * MIB }, 'memoryOffset');
    isRefused({ memory, memoryOffset: MIB, memoryBytes: 2 * MIB }, 'memoryBytes');
    isRefused({ memory, memoryBytes: 3 * MIB }, 'memoryBytes');
    isRefused({ memory, memoryOffset: -4096 }, 'memoryOffset');
    isRefused({ memory, memoryOffset: 1.5 }, 'memoryOffset');
    isRefused({ memory, memoryOffset: 2 * MIB - 4096 }, 'memory');
    isRefused({ memory: new SharedArrayBuffer(64 * KIB) }, 'memory');
    isRefused({ memory: new SharedArrayBuffer(0) }, 'memory');
  });

  it('are refused before any byte of the memory is written', () => {
    expect(new Uint8Array(memory).every((byte) => byte === 0)).toBe(true);
  });
});

describe('the limits of maxBytes', () => {
  it('are legal themselves', () => {
    for (const maxBytes of [512 * KIB, 512 * KIB + 1, MIB, 2 ** 32]) {
      const heap = create({ maxBytes });
      heap.free(heap.malloc(1000));
      empty(heap);
    }
  });
});

/** What is too big says how much the region may hold. */
function isLimitedTo(heap: Heap, maxBytes: number): void {
  expect(Object.values(refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.malloc(maxBytes)))).toContain(maxBytes);
  heap.free(heap.malloc(Math.floor(maxBytes * 0.6)));
}

describe('presets', () => {
  it('come as files', () => expect(presets.map(({ name }) => name)).toContain('production'));

  it.each(presets.map((preset) => [preset.name, preset] as const))(
    '%s works by name and as an object',
    (name, preset) => {
      for (const option of [name, preset]) {
        const heap = create({ preset: option as never });
        freeAll(
          heap,
          Array.from({ length: 1000 }, (_, i) => heap.malloc(i * 37)),
        );
        heap.collect();
        empty(heap);
        if (preset.options.maxBytes !== undefined) isLimitedTo(heap, preset.options.maxBytes);
      }
    },
  );

  it('may be of your own', () => {
    const heap = create({ preset: { name: 'mine', version: 1, options: { maxBytes: 2 * MIB } } });
    isLimitedTo(heap, 2 * MIB);
  });

  it('may extend another', () => {
    const parent = { name: 'parent', version: 1, options: { maxBytes: 2 * MIB, poison: true } } as const;
    const heap = create({ preset: { name: 'mine', version: 1, extends: parent, options: { maxBytes: 4 * MIB } } });
    expect(heap.u8[heap.malloc(16)]).toBe(0xfa);
    isLimitedTo(heap, 4 * MIB);
  });

  it('are overridden by the options beside them', () => {
    const heap = create({ preset: { name: 'mine', version: 1, options: { maxBytes: 2 * MIB } }, maxBytes: 4 * MIB });
    isLimitedTo(heap, 4 * MIB);
  });

  it('are checked like options', () => {
    isRefused({ preset: 'prodution' }, 'prodution', 'production');
    isRefused({ preset: 'toString' }, 'toString');
    for (const preset of [1, true, [], {}, null, Symbol('preset')]) isRefused({ preset }, 'preset');
    isRefused({ preset: { name: 'mine', version: 1, options: { maxByte: 1 } } }, 'maxByte', 'maxBytes', 'mine');
    isRefused({ preset: { name: 'mine', version: 1, options: { maxBytes: 'x' } } }, 'maxBytes', 'mine');
    isRefused({ preset: { name: 'mine', version: 0, options: {} } }, 'version');
    isRefused({ preset: { name: '', version: 1, options: {} } }, 'name');
    isRefused({ preset: { name: 'mine', version: 1, extends: 'minimum', options: {} } }, 'mine', 'minimum', 'minimal');
    const options = { maxBytes: 2 * MIB, memoryBytes: 2 * MIB };
    isRefused({ preset: { name: 'mine', version: 1, options } }, 'mine', 'maxBytes', 'memoryBytes');
  });
});

describe('environment variables', () => {
  const variables = (values: Record<string, string>): void => {
    for (const [name, value] of Object.entries(values)) vi.stubEnv(name, value);
  };
  afterEach(() => vi.unstubAllEnvs());

  it('are read only when asked', () => {
    variables({ SABMALLOC_MAX_BYTES: '2MiB', SABMALLOC_MAX_BYTE: 'wrong' });
    expect(create().stats().maxBytes).toBeGreaterThan(2 * MIB);
    isRefused({ env: true }, 'SABMALLOC_MAX_BYTE', 'wrong', 'SABMALLOC_MAX_BYTES');
  });

  it('win over the preset, and the options over them', () => {
    variables({ SABMALLOC_MAX_BYTES: '2MiB', SABMALLOC_PRESET: 'minimal', SABMALLOC_POISON: '1' });
    const heap = create({ env: true });
    isLimitedTo(heap, 2 * MIB);
    expect(heap.u8[heap.malloc(16)]).toBe(0xfa);
    isLimitedTo(create({ env: true, maxBytes: 4 * MIB }), 4 * MIB);
  });

  it('yield to options that exclude them', () => {
    variables({ SABMALLOC_MAX_BYTES: '1GiB', SABMALLOC_BACKING: 'wasm' });
    const memory = new SharedArrayBuffer(4 * MIB);
    isLimitedTo(create({ env: true, memory, memoryBytes: 2 * MIB }), 2 * MIB);
    expect(new Uint8Array(memory, 2 * MIB).every((byte) => byte === 0)).toBe(true);
  });

  it('are none where the runtime has none', () => {
    vi.stubGlobal('process', undefined);
    try {
      create({ env: true });
    } finally {
      vi.unstubAllGlobals();
    }
  });
});
