import { resolveOptions, type CreateOptions } from '../../src/config/resolve.js';
import { checkHeap } from '../../src/heap/check.js';
import { createRegion, settingsOf } from '../../src/memory/create.js';
import type { Region } from '../../src/memory/region.js';
import { attachWorker, type Membership } from '../../src/registry/attach.js';
import { allocate } from '../../src/heap/allocate.js';
import { freeAddress } from '../../src/heap/free.js';
import type { HeapSettings } from '../../src/config/options.js';

/**
 * Several workers of one region on one thread: each is a membership of its own, and a test decides who moves. What they do
 * to the shared memory is what workers on threads of their own do.
 */
export class Stage {
  readonly region: Region;
  readonly settings: HeapSettings;
  private nextThread = 1000;

  constructor(options: CreateOptions = { maxBytes: 4 << 20 }) {
    this.region = createRegion(resolveOptions(options));
    this.settings = settingsOf(this.region);
  }

  attach(thread = this.nextThread++): Actor {
    return new Actor(this, attachWorker(this.region, this.settings, thread, undefined), thread);
  }

  check(): void {
    checkHeap(this.region, this.attachShape(), this.settings);
  }

  private shape: Actor['owner']['shape'] | undefined;
  private attachShape(): Actor['owner']['shape'] {
    if (this.shape === undefined) throw new Error('attach a worker first');
    return this.shape;
  }
  noteShape(shape: Actor['owner']['shape']): void {
    this.shape = shape;
  }
}

export class Actor {
  readonly membership: Membership;
  readonly owner: Membership['owner'];
  readonly thread: number;

  constructor(stage: Stage, membership: Membership, thread: number) {
    this.membership = membership;
    this.owner = membership.owner;
    this.thread = thread;
    stage.noteShape(this.owner.shape);
  }

  malloc(bytes: number): number {
    const address = allocate(this.owner, bytes, 16);
    if (address === 0) throw new Error(`no room for ${bytes} bytes`);
    return address;
  }

  free(address: number): void {
    freeAddress(this.owner, address);
  }
}
