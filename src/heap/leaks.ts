import { LeakReport } from '../config/options.js';
import { say, whenExiting } from '../platform/host.js';
import type { Attachment } from './attachment.js';
import { walkBlocks } from './walk.js';

/** Live blocks that one worker allocated at one place. */
export interface Leak {
  /** Who allocated them; without full headers, who owns their memory now, 0 if that worker left. */
  readonly workerId: number;
  /** Place in the program, `name (file:line:column)`, where it was recorded. */
  readonly callSite: string | undefined;
  readonly blocks: number;
  /** Bytes that the blocks can hold; with full headers, bytes that were asked for. */
  readonly bytes: number;
  /** Address of the first of them. */
  readonly address: number;
}

/** Live blocks by worker and place, those with most bytes first. */
export function findLeaks({ region, debug }: Attachment): Leak[] {
  const leaks = new Map<string, { -readonly [Key in keyof Leak]: Leak[Key] }>();
  const blocks = debug === undefined ? walkBlocks(region) : debug.blocks();
  for (const { address, callSite, size, owner, allocatedBy } of blocks) {
    const workerId = allocatedBy ?? owner;
    const key = `${workerId} ${callSite}`;
    let leak = leaks.get(key);
    if (leak === undefined) leaks.set(key, (leak = { workerId, callSite, blocks: 0, bytes: 0, address }));
    leak.blocks++;
    leak.bytes += size;
  }
  return [...leaks.values()].sort((a, b) => b.bytes - a.bytes);
}

const LINES = 20;
const grouped = (count: number): string => count.toLocaleString('en-US');
const blocksIn = (count: number): string => `${grouped(count)} ${count === 1 ? 'block' : 'blocks'}`;

/** The leaks as a text for the console; undefined if there are none. */
function inWords(leaks: readonly Leak[], whose: string): string | undefined {
  if (leaks.length === 0) return undefined;
  const total = (of: 'blocks' | 'bytes'): number => leaks.reduce((sum, leak) => sum + leak[of], 0);
  const lines = leaks
    .slice(0, LINES)
    .map(
      ({ blocks, bytes, workerId, callSite }) =>
        `  ${blocksIn(blocks)}, ${grouped(bytes)} bytes, worker ${workerId}, ${callSite ?? 'place not recorded'}`,
    );
  if (leaks.length > LINES) lines.push(`  and ${leaks.length - LINES} more places`);
  return [
    `sabmalloc: ${whose}: ${blocksIn(total('blocks'))}, ${grouped(total('bytes'))} bytes still live`,
    ...lines,
  ].join('\n');
}

/**
 * Says what is still live when a worker leaves, by detach() or because its thread ends, where the option leakReport asks for
 * it: the creator of the heap of all blocks, other workers of those that they allocated.
 */
export class LeakWatch {
  private readonly heap: Attachment;
  private readonly isCreator: boolean;
  private readonly stop: () => void;

  private constructor(heap: Attachment, isCreator: boolean) {
    this.heap = heap;
    this.isCreator = isCreator;
    this.stop = whenExiting(() => this.say());
  }

  /** undefined where nothing is asked for. */
  static for(heap: Attachment, isCreator: boolean): LeakWatch | undefined {
    const { leakReport } = heap.owner.settings;
    const isWanted = leakReport === LeakReport.DETACH || (leakReport === LeakReport.END && isCreator);
    return isWanted ? new LeakWatch(heap, isCreator) : undefined;
  }

  /** The last words before detach(). */
  end(): void {
    this.stop();
    this.say();
  }

  private say(): void {
    if (!this.heap.isAttached()) return;
    try {
      const { debug, owner } = this.heap;
      if (debug !== undefined) debug.flush();
      const all = findLeaks(this.heap);
      const leaks = this.isCreator ? all : all.filter(({ workerId }) => workerId === owner.workerId);
      const text = inWords(leaks, this.isCreator ? 'at the end of the heap' : `worker ${owner.workerId} leaves`);
      if (text !== undefined) say(text);
    } catch (error) {
      // Other threads may be in the middle of a call, and a report must not keep a thread from ending.
      say(`sabmalloc: no leak report: ${String(error)}`);
    }
  }
}
