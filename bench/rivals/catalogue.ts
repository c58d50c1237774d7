import { OWN, type BenchName, type Spec } from '../spec.js';
import { WASM_MALLOCS, type WasmMalloc } from './build-wasm.js';
import { NATIVE_LIBRARIES, type NativeLibrary } from './native-libraries.js';
import { OBJECT_RIVALS, type ObjectRival } from './objects.js';

export const PRESETS = ['production', 'perf-main', 'minimal', 'debug', 'research'] as const;

/** How a rival is reached. */
export type Reach =
  | { readonly kind: 'native'; readonly library?: NativeLibrary }
  | { readonly kind: 'wasm'; readonly malloc: WasmMalloc }
  | { readonly kind: 'pool'; readonly module: '@thi.ng/malloc' | 'malloc' }
  | { readonly kind: 'objects'; readonly name: ObjectRival }
  | { readonly kind: 'messages' };

export interface Rival {
  readonly name: string;
  readonly about: string;
  readonly reach: Reach;
  /** It does so many times less work than the others, for it is about that much slower. */
  readonly slowness: number;
}

const native = (library: NativeLibrary): Rival => ({
  name: library.name,
  about: `C, ${library.soname} by LD_PRELOAD`,
  reach: { kind: 'native', library },
  slowness: 1,
});

const wasm = (malloc: WasmMalloc): Rival => ({
  name: `wasm-${malloc}`,
  about: `WebAssembly with threads, ${malloc} of emscripten, called from JavaScript`,
  reach: { kind: 'wasm', malloc },
  slowness: 8,
});

const objects = (name: ObjectRival): Rival => ({
  name,
  about: name.startsWith('Buffer') ? `${name}(n) of node` : `new ${name}(n) of the engine`,
  reach: { kind: 'objects', name },
  slowness: 20,
});

export const RIVALS: readonly Rival[] = [
  {
    name: 'glibc',
    about: 'C, the malloc of the C library; also called native',
    reach: { kind: 'native' },
    slowness: 1,
  },
  ...NATIVE_LIBRARIES.map(native),
  ...WASM_MALLOCS.map(wasm),
  {
    name: 'thi.ng',
    about: 'JavaScript, @thi.ng/malloc; several workers share it behind a lock',
    reach: { kind: 'pool', module: '@thi.ng/malloc' },
    slowness: 100,
  },
  {
    name: 'npm-malloc',
    about: 'JavaScript, the package malloc, a buffer for each worker',
    reach: { kind: 'pool', module: 'malloc' },
    slowness: 100,
  },
  ...OBJECT_RIVALS.map(objects),
  { name: 'clone', about: 'records copied by postMessage', reach: { kind: 'messages' }, slowness: 8 },
  { name: 'transfer', about: 'records whose buffers are transferred', reach: { kind: 'messages' }, slowness: 8 },
];

export function rivalNamed(name: string): Rival {
  const rival = RIVALS.find((one) => one.name === (name === 'native' ? 'glibc' : name));
  if (rival !== undefined) return rival;
  const names = [...PRESETS, 'native', ...RIVALS.map((one) => one.name)];
  throw new Error(`There is no rival ${name}. Give one of ${names.join(', ')}.`);
}

const CHURNS: readonly BenchName[] = ['larson', 'random-mixed', 'tiny-hot'];
const RINGS: readonly BenchName[] = ['producer-consumer', 'worker-ring'];

const BENCHES: Record<Reach['kind'], readonly BenchName[]> = {
  native: [...CHURNS, ...RINGS, 'replay'],
  wasm: [...CHURNS, ...RINGS, 'short-lived', 'records', 'replay'],
  pool: [...CHURNS, ...RINGS, 'short-lived', 'records'],
  objects: [...CHURNS, 'arrays'],
  messages: ['records'],
};

/** Why a rival cannot do what `spec` says. */
export function unfit({ name, reach }: Rival, spec: Spec): string | undefined {
  if (!BENCHES[reach.kind].includes(spec.bench)) return `${name} cannot do ${spec.bench}.`;
  if (reach.kind === 'objects') {
    if (name === 'Float32Array' ? spec.bench !== 'arrays' : name === 'Uint8Array' && spec.bench === 'arrays') {
      return `${name} is not what ${spec.bench} is about.`;
    }
    if (spec.verify && spec.bench !== 'arrays') return `${name} has no addresses to --verify.`;
  }
  const private_ = reach.kind === 'objects' || (reach.kind === 'pool' && reach.module === 'malloc');
  const handsOver =
    spec.bench === 'larson' ? spec.workers > 1 : [...RINGS, 'short-lived', 'records'].includes(spec.bench);
  return private_ && handsOver ? `The blocks of ${name} belong to one worker.` : undefined;
}

/** The same with about `slowness` times less work: fewer rounds first, for hand-overs come once a round. */
export function lighten(spec: Spec, slowness: number): Spec {
  const fewer = (rounds: number): number => Math.min(rounds, Math.max(2, Math.ceil(rounds / slowness)));
  const [rounds, warmup] = [fewer(spec.rounds), fewer(spec.warmup)];
  const rest = (slowness * (rounds + warmup)) / (spec.rounds + spec.warmup);
  return { ...spec, rounds, warmup, ops: rest > 1 ? Math.ceil(spec.ops / rest) : spec.ops };
}

export const isOwn = (name: string): boolean => name === OWN || (PRESETS as readonly string[]).includes(name);
