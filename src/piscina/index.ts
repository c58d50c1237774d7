/** Pools of piscina whose tasks have the heap: docs/PISCINA.md. */
export { createPool, type HeapPool, type PoolOptions, type RunOptions } from './pool.js';
export { task, type Task, type TaskContext } from './task.js';
