import { HeapError, show } from '../base/errors.js';
import { isExitingWorker, tagOfThread, type ExitingWorker } from '../platform/host.js';
import { reclaimThread, reclaimWorker } from '../registry/reclaim.js';
import type { Owner } from '../slabs/owner.js';
import { begin } from './allocate.js';
import type { SubHeapList } from './subheap-list.js';

/** The workers whose exits a heap waits for. It listens to each until that exits or the heap is detached. */
export class Watches {
  private readonly listeners = new Set<{ worker: ExitingWorker; listener: () => void }>();

  constructor(
    private readonly owner: Owner,
    private readonly subHeaps: SubHeapList,
  ) {}

  /** Throws ERR_HEAP_CONFIG for a worker without an exit event. */
  add(worker: ExitingWorker, workerId: number | undefined): void {
    if (!isExitingWorker(worker))
      throw new HeapError(
        'ERR_HEAP_CONFIG',
        `watch: ${show(worker)} has no exit event; call reclaim(workerId) when you know that it ended`,
        { value: worker },
      );
    const thread = tagOfThread(worker.threadId);
    const entry = {
      worker,
      listener: () => {
        this.listeners.delete(entry);
        this.takeOver(thread, workerId);
      },
    };
    this.listeners.add(entry);
    worker.once('exit', entry.listener);
  }

  private takeOver(thread: number, workerId: number | undefined): void {
    begin(this.owner);
    // The id of a worker that has already ended is -1: nothing to match.
    if (thread > 0) reclaimThread(this.owner, thread);
    if (workerId !== undefined) reclaimWorker(this.owner, workerId, 'exited');
    this.owner.isMidway = false;
    try {
      this.subHeaps.sweep();
    } catch {
      // Nobody has made a call that could throw; blocks that can't be freed stay live, and check() and leaks() tell of them.
    }
  }

  /** Listens no more: a worker that lives on must not keep a heap alive that was left. */
  stop(): void {
    for (const { worker, listener } of this.listeners) worker.off?.('exit', listener);
    this.listeners.clear();
  }
}
