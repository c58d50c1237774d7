import { fileURLToPath } from 'node:url';

// From build/bench, where this file runs, to the package.
const packagePath = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const TRACES_FOLDER = packagePath('bench/traces');
export const NATIVE_SOURCE = packagePath('bench/native/bench.c');
export const NATIVE_FOLDER = packagePath('build/bench/native');
export const MAIN_SCRIPT = packagePath('build/bench/main.js');
export const WORKER_SCRIPT = packagePath('build/workers/bench-worker.js');
export const SHORT_LIVED_SCRIPT = packagePath('build/workers/short-lived-worker.js');
export const HAND_OVER_SCRIPT = packagePath('build/workers/hand-over-worker.js');
export const CROWD_SCRIPT = packagePath('build/workers/crowd-worker.js');
export const START_SCRIPT = packagePath('build/workers/start-worker.js');
export const MAP_SCRIPT = packagePath('build/workers/map-worker.js');
export const SYNC_SCRIPT = packagePath('build/workers/sync-worker.js');
export const CHANNEL_SCRIPT = packagePath('build/workers/channel-worker.js');
export const WASM_SOURCES = ['heap.c', 'churn.c'].map((name) => packagePath(`bench/rivals/wasm/${name}`));
export const CHURN_MODULE = packagePath('bench/rivals/wasm/churn.wasm');
export const WASM_FOLDER = packagePath('build/bench/wasm');
