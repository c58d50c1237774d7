import { Heap } from 'sabmalloc';
import { OPTIONS, type OptionSpec } from 'sabmalloc/config';
import { KIB, MIB } from '../../kit/heaps.js';
import { attempt, type Attempt, type Misuse } from '../scene.js';

const create = (options: unknown, ...says: readonly unknown[]): Attempt =>
  attempt(() => Heap.create(options as never), ...says);

const specs = Object.entries(OPTIONS) as [string, OptionSpec][];

/** Values of the wrong type for every option, but those that are of the right type for this one. */
function wrongTypes(spec: OptionSpec): readonly unknown[] {
  const all = ['x', '', NaN, Infinity, 1.5, -1, 5n, null, true, {}, [], () => 1, Symbol('value')];
  return all.filter((value) => {
    if (spec.type === 'text') return typeof value !== 'string' || value === '';
    return !(spec.type === 'boolean' && value === true);
  });
}

/** Wrong ways to make a heap. That none was made shows in the memory that was given: no byte of it is written. */
export const MAKING: readonly Misuse[] = [
  {
    name: 'create is given what is no set of options',
    code: 'ERR_HEAP_CONFIG',
    *run() {
      for (const options of [null, 1, 'production', true, Symbol('options'), 1n, () => 1])
        yield create(options, 'options', options);
    },
  },
  {
    name: 'create is given an option that does not exist',
    code: 'ERR_HEAP_CONFIG',
    *run() {
      for (const name of ['maxByte', 'max_workers', 'Backing', 'presets', 'toString', '__proto__x', '', '0'])
        yield create({ [name]: 1 }, name, 'did you mean');
    },
  },
  {
    name: 'an option of create has a value of the wrong type',
    code: 'ERR_HEAP_CONFIG',
    *run() {
      for (const [name, spec] of specs)
        for (const value of wrongTypes(spec)) yield create({ [name]: value }, name, value, 'must be');
    },
  },
  {
    name: 'an option of create is out of range',
    code: 'ERR_HEAP_CONFIG',
    *run() {
      for (const [name, spec] of specs)
        if (spec.type === 'integer')
          for (const value of [spec.min - 1, spec.max + 1])
            yield create({ [name]: value }, name, value, spec.min, spec.max);
    },
  },
  {
    name: 'options of create exclude each other',
    code: 'ERR_HEAP_CONFIG',
    *run() {
      const memory = new SharedArrayBuffer(2 * MIB);
      yield create({ memory, backing: 'growable' }, 'memory', 'backing');
      yield create({ memory, memoryBytes: MIB, maxBytes: MIB }, 'memoryBytes', 'maxBytes');
      yield create({ memoryOffset: 4096 }, 'memoryOffset', 'memory');
      yield create({ memoryBytes: MIB }, 'memoryBytes', 'memory');
    },
  },
  {
    name: 'create is given a preset that is none',
    code: 'ERR_HEAP_CONFIG',
    *run() {
      yield create({ preset: 'prodution' }, 'prodution', 'production');
      for (const preset of [1, true, [], {}, null, Symbol('preset')]) yield create({ preset }, 'preset', preset);
      yield create({ preset: { name: 'mine', version: 0, options: {} } }, 'mine', 'version', 0);
      yield create({ preset: { name: 'mine', version: 1, options: { maxByte: 1 } } }, 'mine', 'maxByte');
    },
  },
  {
    name: 'create is given a preset without options',
    code: 'ERR_HEAP_CONFIG',
    *run() {
      yield create({ preset: { name: 'mine', version: 1, options: null } }, 'preset');
    },
  },
  {
    name: 'create is given memory that is too small',
    code: 'ERR_HEAP_CONFIG',
    *run() {
      for (const bytes of [0, 4096, 64 * KIB, 500 * KIB])
        yield create({ memory: new SharedArrayBuffer(bytes) }, 'memory', bytes);
      yield create({ memory: new SharedArrayBuffer(MIB), memoryOffset: 600 * KIB }, 'memory', 600 * KIB);
    },
  },
  {
    name: 'create is given a part that passes the end of the memory',
    code: 'ERR_HEAP_CONFIG',
    *run() {
      const memory = new SharedArrayBuffer(2 * MIB);
      yield create({ memory, memoryBytes: 3 * MIB }, 'memoryBytes', 3 * MIB);
      yield create({ memory, memoryOffset: MIB, memoryBytes: 2 * MIB }, 'memoryOffset', MIB);
      yield create({ memory, memoryOffset: 4 * MIB }, 'memoryOffset', 4 * MIB);
    },
  },
  {
    name: 'create is given memory that is not shared',
    code: 'ERR_HEAP_CONFIG',
    *run() {
      const memories = [new ArrayBuffer(MIB), new Uint8Array(MIB), new WebAssembly.Memory({ initial: 16 })];
      for (const memory of memories) yield create({ memory }, 'memory', memory, 'SharedArrayBuffer');
    },
  },
  {
    name: 'create is given an object that only looks like shared memory',
    code: 'ERR_HEAP_CONFIG',
    *run() {
      for (const memory of impostors()) yield create({ memory }, 'memory', 'must be');
    },
  },
  {
    name: 'create is given memory that already holds a heap',
    code: 'ERR_HEAP_CONFIG',
    *run(scene) {
      const memory = new SharedArrayBuffer(MIB);
      const first = scene.observe(scene.create({ ...scene.options, maxBytes: undefined, memory } as never));
      first.malloc(1000);
      yield create({ memory }, 'already holds a heap', 'attach');
      yield create({ memory, memoryOffset: 0, memoryBytes: 600 * KIB }, 'already holds a heap', 'attach');
    },
  },
];

/** Objects that pass for shared memory as long as nobody uses them. */
export function impostors(): object[] {
  const memory = Object.create(WebAssembly.Memory.prototype) as object;
  return [
    Object.create(SharedArrayBuffer.prototype) as object,
    memory,
    Object.create(memory, { buffer: { value: new SharedArrayBuffer(MIB) } }) as object,
  ];
}
