import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { WASM_FOLDER, WASM_SOURCES } from '../paths.js';
import { WASM_MEMORY_BYTES } from './wasm.js';

export const WASM_MALLOCS = ['dlmalloc', 'emmalloc'] as const;
export type WasmMalloc = (typeof WASM_MALLOCS)[number];

const NO_EMSCRIPTEN =
  'emcc was not found. Get emscripten (Debian and Ubuntu: apt-get install emscripten) or name its compiler in the environment variable EMCC.';

export const wasmPath = (malloc: WasmMalloc): string => join(WASM_FOLDER, `${malloc}.wasm`);

/** Debian keeps the JavaScript modules that emcc runs where only its own node looks. */
const DEBIAN_NODE_MODULES = '/usr/share/nodejs';

/** Compiles the WebAssembly rivals; throws where emscripten is missing. */
export function buildWasm(): string[] {
  const emcc = process.env['EMCC'] ?? 'emcc';
  mkdirSync(WASM_FOLDER, { recursive: true });
  const env = { ...process.env, NODE_PATH: [process.env['NODE_PATH'], DEBIAN_NODE_MODULES].filter(Boolean).join(':') };
  return WASM_MALLOCS.map((malloc) => {
    // With -O3 emcc renames the exports, which the loader calls by name.
    const flags = ['-O2', '-pthread', `-sMALLOC=${malloc}`, '--no-entry', '-sIMPORTED_MEMORY'];
    const memory = [`-sINITIAL_MEMORY=${WASM_MEMORY_BYTES}`, '-sEXPORTED_FUNCTIONS=_malloc,_free,_calloc'];
    const output = wasmPath(malloc);
    try {
      execFileSync(emcc, [...flags, ...memory, '-o', output.replace(/\.wasm$/, '.js'), ...WASM_SOURCES], {
        env,
        stdio: 'inherit',
      });
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? new Error(NO_EMSCRIPTEN) : error;
    }
    return output;
  });
}
