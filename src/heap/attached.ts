import { spillRings } from '../memory/ring.js';
import type { Membership } from '../registry/attach.js';
import { reclaimSlot } from '../registry/reclaim.js';

/** The heaps that a thread is attached to, by their id: attaching again gives the same one. */
export class AttachedHeaps<Heap extends object> {
  private readonly heaps = new Map<string, WeakRef<Heap>>();

  /** A heap that is dropped without detach(), its `malloc` and `free` too, gives its slot back when the engine collects its attachment. */
  private readonly dropped = new FinalizationRegistry<{ membership: Membership; heapId: string }>(
    ({ membership, heapId }) => {
      const { owner, generation } = membership;
      if (this.find(heapId) === undefined) this.heaps.delete(heapId);
      spillRings(owner.region);
      reclaimSlot(owner, owner.slot, generation, 'exited');
    },
  );

  find(heapId: string): Heap | undefined {
    return this.heaps.get(heapId)?.deref();
  }

  enter(heap: Heap, heapId: string, attachment: object, membership: Membership): void {
    this.heaps.set(heapId, new WeakRef(heap));
    this.dropped.register(attachment, { membership, heapId }, attachment);
  }

  leave(heap: Heap, heapId: string, attachment: object): void {
    this.dropped.unregister(attachment);
    if (this.find(heapId) === heap) this.heaps.delete(heapId);
  }
}
