import fc from 'fast-check';
import { type CreateOptions } from '../index.js';
import { type HeapCommand } from './command.js';
import { Reached } from './paths.js';
import { settingOf } from './settings.js';
import { ThreadPool } from './thread.js';
import { type Surroundings, World } from './world.js';

/** Does a sequence of commands in a heap of its own, and then proves that the heap can be emptied. Fills in the log. */
export async function play(surroundings: Surroundings, commands: Iterable<HeapCommand>, log: string[]): Promise<void> {
  const world = await World.open(surroundings, log);
  try {
    await fc.asyncModelRun(() => ({ model: world.model, real: world }), commands);
    await world.finish();
  } finally {
    await world.close();
  }
}

export interface PlayOptions extends Pick<Surroundings, 'guest' | 'wrap'> {
  /** What the heap is made with. */
  readonly heap: CreateOptions;
  /** As many as the commands were made for, and a slot for each; 0 unless given. */
  readonly workers?: number;
  /** As the commands were made for. */
  readonly largest: number;
}

/** Does commands of `heapCommands`, for properties of your own; `fuzzHeap` does all of it. Returns what was done, a line each. */
export async function playCommands(commands: Iterable<HeapCommand>, options: PlayOptions): Promise<readonly string[]> {
  const { heap, workers = 0, largest, guest, wrap } = options;
  const pool = new ThreadPool();
  const log: string[] = [];
  try {
    const setting = settingOf(heap, largest);
    await play({ setting, workers, pool, reached: new Reached(workers), guest, wrap }, commands, log);
  } finally {
    await pool.close();
  }
  return log;
}
