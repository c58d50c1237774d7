import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const FRAME_MS = 16;

export interface BrowserOptions {
  readonly seconds: number;
  readonly seed: number;
}

/** What came of a main thread that may not wait. */
export interface BrowserFigures extends BrowserOptions {
  readonly frames: number;
  readonly kills: number;
  readonly lost: number;
  /** How often it would have waited. */
  readonly waits: number;
  /** Calls of the heap by the main thread; late ones took longer than a frame. */
  readonly count: number;
  readonly late: number;
  readonly longestMs: number;
}

/** Runs test/soak/main-thread.ts as a process of its own, for what it takes away from the main thread is gone for good. */
export async function browse(options: BrowserOptions): Promise<BrowserFigures> {
  const program = fileURLToPath(new URL('main-thread.ts', import.meta.url));
  const args = ['--import', 'tsx', program, JSON.stringify(options)];
  const timeout = Math.ceil(1000 * options.seconds) + 60_000;
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout });
  return JSON.parse(stdout) as BrowserFigures;
}
