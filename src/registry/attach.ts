import * as atomics from '#atomics';
import { HeapError } from '../base/errors.js';
import { Headers, type HeapSettings } from '../config/options.js';
import { Kind, SlotState } from '../layout/format.js';
import { SlotWord } from '../layout/offsets.generated.js';
import type { HeapToken } from '../memory/create.js';
import type { Region } from '../memory/region.js';
import { forgetRun, publishRun } from '../pages/descriptor.js';
import { Slices } from '../pages/slices.js';
import { Owner, controlShape } from '../slabs/owner.js';
import { claimReserved, claimSlot, freeSlot, packState, swapState, workerIdOf } from './slots.js';

/** A worker's membership: who it is, and what it owns. */
export interface Membership {
  readonly owner: Owner;
  readonly generation: number;
  readonly workerId: number;
}

/** A reserved place for a worker about to be started. */
export interface Reservation {
  readonly token: HeapToken;
  readonly workerId: number;
}

/**
 * Claims a control block for a slot; 0 if there is no room. Never the one a reclaim by hand left with the slot: should that
 * worker be alive after all, it goes on finding that one closed.
 */
function claimControl(region: Region, slices: Slices, slicesNeeded: number): number {
  let control = slices.claim(slicesNeeded, 1);
  while (control === 0 && region.grow(slicesNeeded)) control = slices.claim(slicesNeeded, 1);
  return control;
}

/**
 * Takes a slot for the calling thread and gives it a control block. A worker killed anywhere in here leaves a slot that
 * names its thread (or its reservation), and what it had claimed is in the slot's journal or bears the slot's number.
 */
export function attachWorker(
  region: Region,
  settings: HeapSettings,
  thread: number,
  reserved: number | undefined,
): Membership {
  const { slot, generation } =
    reserved === undefined ? claimSlot(region, thread, SlotState.ATTACHING) : claimReserved(region, thread, reserved);
  region.workerId = workerIdOf(slot, generation);
  const slices = new Slices(region, slot);
  const { slices: slicesNeeded } = controlShape(settings);
  const control = claimControl(region, slices, slicesNeeded);
  const attaching = packState(SlotState.ATTACHING, generation);
  if (control === 0) {
    freeSlot(region, slot, attaching, thread);
    throw new HeapError(
      'ERR_HEAP_OUT_OF_MEMORY',
      `no room for the control block of another worker (${slicesNeeded * 4096} bytes): raise maxBytes`,
      { requestedBytes: slicesNeeded * 4096, maxBytes: settings.maxBytes, option: 'maxBytes' },
    );
  }
  region.cover(control + slicesNeeded);
  const owner = new Owner(region, slot, region.workerId, settings, control, slices);
  if (settings.headers === Headers.FULL) forgetRun(region, control, slicesNeeded);
  owner.initialise();
  // Published with its counters at zero: whoever reclaims a worker killed in here finds nothing to count.
  publishRun(region, control, slicesNeeded, Kind.CONTROL, slot);
  slices.close();
  // Publishes the control block to whoever reclaims this slot or counts the heap.
  atomics.store(region.i32, region.slotWord(slot) + SlotWord.X_CONTROL, control);
  swapState(region, slot, attaching, packState(SlotState.LIVE, generation));
  return { owner, generation, workerId: owner.workerId };
}

/** Reserves a slot for a worker about to be started by the calling thread. */
export function reserveWorker(region: Region, thread: number): number {
  const { slot, generation } = claimSlot(region, -thread, SlotState.RESERVED);
  return workerIdOf(slot, generation);
}
