import { existsSync, readFileSync } from 'node:fs';
import { wrapModule } from 'sabmalloc/wasm';
import { machine } from './environment.js';
import { CHURN_MODULE } from './paths.js';
import { printTable } from './report.js';
import { WASM_MALLOCS, wasmPath } from './rivals/build-wasm.js';
import { enterModule, wasmTickets } from './rivals/wasm.js';
import { type Environment } from './spec.js';

/** Of bench/rivals/wasm/churn.c. */
type Churn = (pairs: number, sizeMask: number, seed: number) => number;

interface WasmCallsCase {
  readonly name: string;
  readonly sizeMin: number;
  readonly sizeMax: number;
  /** Nanoseconds a call, median of the rounds, with the extremes. */
  readonly ns: number;
  readonly nsMin: number;
  readonly nsMax: number;
}

export interface WasmCallsResult {
  readonly bench: 'wasm-calls';
  readonly cases: readonly WasmCallsCase[];
  readonly environment: Environment;
}

const SIZE_MASKS = [63, 1023];
const BYTES_MIN = 8;
const SEED = 12345;
const WASM_PAGE_BYTES = 65536;

function ours(): Churn {
  const module = new WebAssembly.Module(readFileSync(CHURN_MODULE));
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 4096, shared: true });
  const maxBytes = 4000 * WASM_PAGE_BYTES;
  return wrapModule<{ churn: Churn }>(module, { memory, create: { maxBytes } }).exports.churn;
}

/** The rivals that are built, and ours first. */
function churns(): [string, Churn][] {
  const built = WASM_MALLOCS.filter((malloc) => existsSync(wasmPath(malloc)));
  const rivals = built.map((malloc): [string, Churn] => {
    const [ticket] = wasmTickets(wasmPath(malloc), 1);
    const instance = enterModule(ticket);
    return [`${malloc}, in the module`, (pairs, sizeMask, seed) => instance.churn(pairs, sizeMask, seed)];
  });
  return [['sabmalloc, imported', ours()], ...rivals];
}

/** Rounds of all candidates in alternation. The engine compiles the module in the first ones, which do not count. */
export function wasmCalls(rounds: number, pairs: number): WasmCallsResult {
  const candidates = churns();
  const cases = SIZE_MASKS.flatMap((mask) => {
    const samples = candidates.map((): number[] => []);
    for (let round = -2; round < rounds; round++) {
      candidates.forEach(([, churn], i) => {
        const start = performance.now();
        churn(pairs, mask, SEED);
        if (round >= 0) samples[i].push(((performance.now() - start) * 1e6) / (2 * pairs));
      });
    }
    return candidates.map(([name], i): WasmCallsCase => {
      const sorted = samples[i].sort((a, b) => a - b);
      const [ns, nsMin, nsMax] = [sorted[sorted.length >> 1], sorted[0], sorted[sorted.length - 1]].map((n) =>
        Number(n.toFixed(1)),
      );
      return { name, sizeMin: BYTES_MIN, sizeMax: BYTES_MIN + mask, ns, nsMin, nsMax };
    });
  });
  return { bench: 'wasm-calls', cases, environment: { ...machine(), command: 'npm run bench -- wasm-calls' } };
}

export function printWasmCalls({ cases, environment }: WasmCallsResult): void {
  const rows = cases.map(({ name, sizeMin, sizeMax, ns, nsMin, nsMax }) => [
    name,
    `${sizeMin}-${sizeMax}`,
    ns.toFixed(1),
    `${nsMin.toFixed(1)}-${nsMax.toFixed(1)}`,
  ]);
  printTable(['malloc and free of C', 'bytes', 'ns a call', 'from - to'], rows);
  if (cases.length === SIZE_MASKS.length)
    process.stdout.write('The allocators of emscripten are not built: npm run bench -- build-rivals\n');
  process.stdout.write(`$ ${environment.command}\n`);
}
