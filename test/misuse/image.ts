import { Geometry } from '../../src/layout/geometry.js';
import { HeaderWord } from '../../src/layout/offsets.generated.js';
import { openRegion, tokenOf } from '../../src/memory/create.js';
import { tableLayout } from '../../src/memory/tables.js';
import { attachWorker, reserveWorker } from '../../src/registry/attach.js';
import { reclaimSlot } from '../../src/registry/reclaim.js';
import type { HeapSettings } from '../../src/config/options.js';
import { KIB } from '../kit/heaps.js';
import { Stage, type Actor } from '../unit/kit.js';
import { stamp } from '../workers/common.mjs';

/** Bytes of the memory before and behind the region that belong to somebody else. */
const FENCE_BYTES = 16 * KIB;
const REGION_BYTES = 512 * KIB;
const FENCE_BYTE = 0xa5;

/** What the words of a region are for. `control` is the control block of the next worker that attaches. */
export type Area = 'header' | 'slots' | 'transfer' | 'bitmap' | 'map' | 'descriptors' | 'bits' | 'control';

/** Indices of words in the whole memory: the first one, and just past the last. */
export type WordRange = readonly [from: number, to: number];

/** A small region at rest with something of every kind in it, and what is true about it. Can be sent to a worker. */
export interface Image {
  readonly memory: SharedArrayBuffer;
  readonly baseBytes: number;
  readonly endBytes: number;
  /** All of a token but its memory. */
  readonly token: Readonly<Record<'kind' | 'version' | 'baseSlice' | 'heapId', string | number>>;
  readonly areas: Readonly<Record<Area, WordRange>>;
  /** Live blocks, each stamped with its own address as tag. */
  readonly blocks: readonly (readonly [address: number, bytes: number])[];
  /** The worker id of an attachment that nobody holds any more, and of a reservation that nobody has used. */
  readonly ghost: number;
  readonly reserved: number;
}

const SIZES = [1, 16, 48, 100, 300, 1000, 1500, 5000, 9000, 40_000];

/** Of each size one block that stays, and of the small ones one cached, one freed by the other worker, and one more. */
function inhabit(actor: Actor, other: Actor): [address: number, bytes: number][] {
  return SIZES.flatMap((bytes) => {
    const kept = [actor.malloc(bytes)];
    if (bytes < 4000) {
      const [cached, remote] = [actor.malloc(bytes), actor.malloc(bytes)];
      kept.push(actor.malloc(bytes));
      actor.free(cached);
      other.free(remote);
    }
    return kept.map((address): [number, number] => [address, bytes]);
  });
}

/** Slot 1 is a ghost with caches, slabs and remote frees on their way home, slot 2 free with slabs left behind, slot 3 reserved. */
export function makeImage(maxWorkers = 4): Image {
  const memory = new SharedArrayBuffer(FENCE_BYTES + REGION_BYTES + FENCE_BYTES);
  new Uint8Array(memory).fill(FENCE_BYTE);
  const options = { maxWorkers, cacheCapacity: 20, magazineCapacity: 4, transferSlots: 1 };
  const stage = new Stage({ ...options, memory, memoryOffset: FENCE_BYTES, memoryBytes: REGION_BYTES });
  const ghost = stage.attach();
  const leaver = stage.attach();
  const reserved = reserveWorker(stage.region, 77);
  const blocks = [...inhabit(ghost, leaver), ...inhabit(leaver, ghost)];
  for (const [address, bytes] of blocks) stamp(stage.region.u8, address, bytes, address);
  reclaimSlot(ghost.owner, leaver.owner.slot, leaver.membership.generation, 'exited');
  stage.check();
  const { kind, version, baseSlice, heapId } = tokenOf(stage.region);
  const token = { kind, version, baseSlice, heapId };
  return {
    memory,
    baseBytes: FENCE_BYTES,
    endBytes: FENCE_BYTES + REGION_BYTES,
    token,
    areas: areasOf(stage, token),
    blocks,
    ghost: ghost.membership.workerId,
    reserved,
  };
}

function areasOf({ region, settings }: Stage, token: Image['token']): Image['areas'] {
  const layout = tableLayout(region.endSlice - region.baseSlice, settings);
  const at = (word: number): number => region.header + word;
  return {
    header: [at(0), at(HeaderWord.WORDS)],
    slots: [at(layout.slots), at(layout.transfer)],
    transfer: [at(layout.transfer), at(layout.bitmap)],
    bitmap: [at(layout.bitmap), at(layout.map)],
    map: [at(layout.map), at(layout.slices)],
    descriptors: [at(layout.slices), at(layout.bits)],
    bits: [at(layout.bits), region.addressOf(region.firstSlice) / 4],
    control: nextControl({ ...token, memory: copyOf(region.buffer) }, settings),
  };
}

/** Copies of the region are alike to the last bit, so what one gives its next worker, all do. */
function nextControl(token: unknown, settings: HeapSettings): WordRange {
  const { owner } = attachWorker(openRegion(token).region, settings, 88, undefined);
  return [owner.control, owner.control + (owner.shape.slices * Geometry.SLICE_BYTES) / 4];
}

export function copyOf(memory: SharedArrayBuffer): SharedArrayBuffer {
  const copy = new SharedArrayBuffer(memory.byteLength);
  new Uint8Array(copy).set(new Uint8Array(memory));
  return copy;
}
