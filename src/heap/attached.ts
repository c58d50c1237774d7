import { spillRings } from '../memory/ring.js';
import type { Membership } from '../registry/attach.js';
import { reclaimSlot } from '../registry/reclaim.js';
import type { Attachment } from './attachment.js';
import type { Heap } from './heap.js';

/** Heaps this thread is attached to, by their id: attaching again gives the same one. */
const attached = new Map<string, WeakRef<Heap>>();

/** A heap that is dropped without detach(), its `malloc` and `free` too, gives its slot back when the engine collects it. */
const dropped = new FinalizationRegistry<{ membership: Membership; heapId: string }>(({ membership, heapId }) => {
  const { owner, generation } = membership;
  if (attached.get(heapId)?.deref() === undefined) attached.delete(heapId);
  spillRings(owner.region);
  reclaimSlot(owner, owner.slot, generation, 'exited');
});

export function attachedHeap(heapId: string): Heap | undefined {
  return attached.get(heapId)?.deref();
}

export function enterAttached(heap: Heap, attachment: Attachment, membership: Membership): void {
  const { heapId } = heap.token;
  attached.set(heapId, new WeakRef(heap));
  dropped.register(attachment, { membership, heapId }, attachment);
}

export function leaveAttached(heap: Heap, attachment: Attachment): void {
  const { heapId } = heap.token;
  dropped.unregister(attachment);
  if (attachedHeap(heapId) === heap) attached.delete(heapId);
}
