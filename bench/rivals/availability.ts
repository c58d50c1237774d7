import { existsSync } from 'node:fs';
import { NativeBench, NO_COMPILER } from '../native.js';
import { wasmPath } from './build-wasm.js';
import { type Rival } from './catalogue.js';
import { findLibrary, howToGet } from './native-libraries.js';

/** How to get a rival that is not there. */
export function missing({ reach }: Rival): string | undefined {
  switch (reach.kind) {
    case 'native':
      if (NativeBench.build() === undefined) return NO_COMPILER;
      return reach.library === undefined || findLibrary(reach.library) !== undefined
        ? undefined
        : howToGet(reach.library);
    case 'wasm':
      if (existsSync(wasmPath(reach.malloc))) return undefined;
      return `It is not built. Run npm run bench -- build-rivals, which needs emscripten (Debian and Ubuntu: apt-get install emscripten).`;
    case 'pool':
      return resolves(reach.module) ? undefined : `${reach.module} is not installed. Run npm ci.`;
    default:
      return undefined;
  }
}

function resolves(module: string): boolean {
  try {
    import.meta.resolve(module);
    return true;
  } catch {
    return false;
  }
}
