/** Compiles the WebAssembly modules that are in the repository next to their source, with clang and wasm-ld. */
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

export interface WasmModule {
  /** From the root of the repository. */
  readonly output: string;
  readonly sources: readonly string[];
  readonly flags?: readonly string[];
}

const OVERRIDE = 'src/wasm/c/override.c';
const WRAPPED = ['malloc', 'free', 'calloc', 'realloc', 'aligned_alloc', 'posix_memalign', 'malloc_usable_size'];

export const WASM_MODULES: readonly WasmModule[] = [
  { output: 'bench/rivals/wasm/churn.wasm', sources: ['bench/rivals/wasm/churn.c'], flags: ['-Wl,--allow-undefined'] },
  { output: 'examples/wasm-json/json.wasm', sources: ['examples/wasm-json/json.c', OVERRIDE] },
  { output: 'test/wasm/driver.wasm', sources: ['test/wasm/c/driver.c', OVERRIDE] },
  {
    output: 'test/wasm/wrapped.wasm',
    sources: ['test/wasm/c/driver.c', 'test/wasm/c/own.c', 'src/wasm/c/wrap.c'],
    flags: WRAPPED.map((name) => `-Wl,--wrap=${name}`),
  },
];

const COMPILER = ['--target=wasm32', '-O2', '-ffreestanding', '-nostdlib', '-Wall', '-Wextra', '-Werror'];
/** What shared memory, and a stack and thread-local variables for each thread, take. */
const THREADS = ['-matomics', '-mbulk-memory', '-mmutable-globals', '-ftls-model=local-exec'];
const LINKER = [
  '--no-entry',
  '--import-memory',
  '--shared-memory',
  '--max-memory=268435456',
  '--export=__heap_base',
  '--export=__stack_pointer',
  '--export=__wasm_init_tls',
  '--export=__tls_size',
  '--export=__tls_align',
  '--strip-debug',
];

/** Compiles one module into a folder laid out as the repository is. Throws where clang is missing or complains. */
export function buildWasm({ output, sources, flags = [] }: WasmModule, folder = root): string {
  const to = join(folder, output);
  const linker = LINKER.map((flag) => `-Wl,${flag}`);
  execFileSync(process.env['CLANG'] ?? 'clang', [...COMPILER, ...THREADS, ...linker, ...flags, '-o', to, ...sources], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  // Data, not a program.
  chmodSync(to, 0o644);
  return to;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) for (const module of WASM_MODULES) buildWasm(module);
