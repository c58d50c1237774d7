import { HeapError } from '../base/errors.js';
import { files, type Files } from '../platform/files.js';
import { every, warnOnce, whenExiting } from '../platform/host.js';
import { prometheusText } from './prometheus.js';
import type { HeapStats } from './shape.js';

/** Ending of a file that holds Prometheus text. */
const PROMETHEUS_ENDING = '.prom';

/** The runtime's files, for the option statsFile. Throws ERR_HEAP_CONFIG where it has none. */
export function filesFor(path: string): Files {
  const found = files();
  if (found !== undefined) return found;
  throw new HeapError(
    'ERR_HEAP_CONFIG',
    'option statsFile needs files, which this runtime does not have or (Node before 20.16) does not hand out; write what heap.stats() returns yourself',
    { option: 'statsFile', value: path },
  );
}

/** Writes the statistics of a heap into a file, now and then and at the end. Never throws: an error is told once, as a warning. */
export class StatsWriter {
  private readonly endings: (() => void)[];
  private hasFailed = false;

  /** `read` gives undefined when the heap is no more. Without an interval it writes at the end only. */
  constructor(
    private readonly files: Files,
    private readonly path: string,
    private readonly heapId: string,
    private readonly read: () => HeapStats | undefined,
    intervalMs: number | undefined,
  ) {
    const write = (): void => this.write();
    this.endings = [whenExiting(write)];
    if (intervalMs !== undefined) this.endings.push(every(intervalMs, write));
  }

  /** The last time. The heap must still be attached. */
  close(): void {
    this.write();
    this.stop();
  }

  private stop(): void {
    for (const takeBack of this.endings.splice(0)) takeBack();
  }

  private write(): void {
    try {
      const stats = this.read();
      if (stats === undefined) this.stop();
      else if (this.path.endsWith(PROMETHEUS_ENDING)) this.replace(prometheusText(stats, { heap: this.heapId }));
      else this.append({ time: new Date().toISOString(), heapId: this.heapId, ...stats });
    } catch (error) {
      if (!this.hasFailed) warnOnce(`statistics could not be written to ${this.path}: ${String(error)}`, 'Warning');
      this.hasFailed = true;
    }
  }

  /** Whoever reads the file finds the old text or the new one, whole. */
  private replace(text: string): void {
    const next = `${this.path}.${this.heapId}.tmp`;
    this.files.writeFileSync(next, text);
    this.files.renameSync(next, this.path);
  }

  private append(line: object): void {
    this.files.appendFileSync(this.path, `${JSON.stringify(line)}\n`);
  }
}
