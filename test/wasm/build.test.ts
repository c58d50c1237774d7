import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildWasm, WASM_MODULES } from '../../scripts/build-wasm.js';

const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'build-wasm-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const compile = (path: string): WebAssembly.Module => new WebAssembly.Module(readFileSync(path));

/** The compiler, as it signs its work. */
function producerOf(module: WebAssembly.Module): string {
  const [section] = WebAssembly.Module.customSections(module, 'producers');
  return new TextDecoder().decode(section);
}

const faceOf = (module: WebAssembly.Module): unknown => [
  WebAssembly.Module.imports(module),
  WebAssembly.Module.exports(module),
];

const hasClang = spawnSync(process.env.CLANG ?? 'clang', ['--target=wasm32', '-print-target-triple']).status === 0;
const hasLinker = spawnSync('wasm-ld', ['--version']).status === 0;
if (!hasClang || !hasLinker)
  console.warn('clang or wasm-ld is missing (Debian: apt-get install clang lld): the modules are not compiled anew.');

describe.skipIf(!hasClang || !hasLinker)('the modules in the repository', () => {
  it.each(WASM_MODULES)('$output is what its source compiles to', (wasm) => {
    mkdirSync(dirname(join(folder, wasm.output)), { recursive: true });
    const built = buildWasm(wasm, folder);
    const kept = join(root, wasm.output);
    expect(faceOf(compile(built))).toEqual(faceOf(compile(kept)));
    // Another compiler gives other code for the same source.
    if (producerOf(compile(built)) === producerOf(compile(kept)))
      expect(readFileSync(built).equals(readFileSync(kept))).toBe(true);
    else
      console.warn(
        `${wasm.output}: compiled by another compiler than the one here; only its imports and exports are compared.`,
      );
  });
});

describe('examples/wasm-json', () => {
  it('lets C and JavaScript free what the other allocated, and leaves no block', () => {
    const program = join(root, 'build/examples/wasm-json/main.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8', timeout: 50_000 });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/5000 products cost 3124375$/m);
    expect(stdout).toMatch(/took product "4999" out and freed 12 blocks/);
    expect(stdout).toMatch(/the last is a lamp$/m);
    expect(stdout).toMatch(/error at byte 20,/);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('live blocks: 0');
    expect(status).toBe(0);
  });
});
