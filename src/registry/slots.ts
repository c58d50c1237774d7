import * as atomics from '#atomics';
import { HeapError } from '../base/errors.js';
import { SlotBits, SlotState, WorkerIdBits } from '../layout/format.js';
import { SlotWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { checkedSlice } from '../pages/descriptor.js';

/*
 * Worker slots. Life of one:
 *
 *   FREE -> RESERVED -> ATTACHING -> LIVE -> RECLAIMING -> FREE (next generation)
 *
 * with DEAD in between while a reclaim waits for a step of some other worker. Where a worker's end is known by somebody's word
 * only, SILENCED and SILENCING stand for DEAD and RECLAIMING.
 *
 * A slot is taken by a compare-and-swap on X_THREAD, which names the thread in the same instant, so even a worker killed
 * in the next one can be found by its exit. Everything after that is a change of X_STATE by compare-and-swap, each made by
 * exactly one worker. A slot is free again only when it owns no slab, no control block and no journal.
 */

export function packState(state: SlotState, generation: number, claimant = 0): number {
  return state | (claimant << SlotBits.CLAIMANT_SHIFT) | (generation << SlotBits.GENERATION_SHIFT);
}

export function stateOf(word: number): SlotState {
  return word & SlotBits.STATE_MASK;
}

export function generationOf(word: number): number {
  return word >>> SlotBits.GENERATION_SHIFT;
}

function claimantOf(word: number): number {
  return (word >>> SlotBits.CLAIMANT_SHIFT) & SlotBits.CLAIMANT_MASK;
}

/** Generations count modulo 2^19. */
export function nextGeneration(generation: number): number {
  return (generation + 1) & (-1 >>> SlotBits.GENERATION_SHIFT);
}

/** How sure the caller is that the worker is gone: a slot reclaimed by hand keeps its control block until the next worker in it has gone. */
export type Notice = 'exited' | 'by hand';

/** The states of a slot that waits to be reclaimed, and of one that is being reclaimed, remember how its end was known. */
export function waitingState(notice: Notice): SlotState {
  return notice === 'exited' ? SlotState.DEAD : SlotState.SILENCED;
}

export function reclaimingState(notice: Notice): SlotState {
  return notice === 'exited' ? SlotState.RECLAIMING : SlotState.SILENCING;
}

/** How the end of a worker was known whose slot is in this state; undefined if the slot neither waits nor is being reclaimed. */
export function noticeOf(word: number): Notice | undefined {
  const state = stateOf(word);
  if (state === SlotState.DEAD || state === SlotState.RECLAIMING) return 'exited';
  return state === SlotState.SILENCED || state === SlotState.SILENCING ? 'by hand' : undefined;
}

/** The slot that reclaims this one at the moment; 0 if none does. */
export function reclaimerOf(word: number): number {
  const state = stateOf(word);
  return state === SlotState.RECLAIMING || state === SlotState.SILENCING ? claimantOf(word) : 0;
}

export function workerIdOf(slot: number, generation: number): number {
  return generation * (1 << WorkerIdBits.SLOT_BITS) + slot;
}

/** Slot and generation of a worker id; undefined if it can't be one of this heap. */
export function parseWorkerId(region: Region, workerId: unknown): { slot: number; generation: number } | undefined {
  if (!Number.isInteger(workerId) || (workerId as number) <= 0) return undefined;
  const slot = (workerId as number) & WorkerIdBits.SLOT_MASK;
  const generation = Math.floor((workerId as number) / (1 << WorkerIdBits.SLOT_BITS));
  if (slot < 1 || slot > region.maxWorkers) return undefined;
  return { slot, generation };
}

/** True while the attachment that the worker id names is in force: not left, not known to be dead, not taken over. */
export function isAttached(region: Region, workerId: unknown): boolean {
  const id = parseWorkerId(region, workerId);
  return id !== undefined && loadState(region, id.slot) === packState(SlotState.LIVE, id.generation);
}

export function loadState(region: Region, slot: number): number {
  return atomics.load(region.i32, region.slotWord(slot) + SlotWord.X_STATE);
}

/** The same without an atomic operation, for a look before each slow call: an old value is as good as an earlier call. */
export function glanceAtState(region: Region, slot: number): number {
  return region.i32[region.slotWord(slot) + SlotWord.X_STATE];
}

/** First slice of the control block of a slot, `slices` long; 0 if there is none. */
export function loadControl(region: Region, slot: number, slices: number): number {
  const control = atomics.load(region.i32, region.slotWord(slot) + SlotWord.X_CONTROL);
  if (control === 0) return 0;
  checkedSlice(region, control, 'the control block of a slot');
  checkedSlice(region, control + slices - 1, 'the end of the control block of a slot');
  return control;
}

/** Changes a slot's state if it is still `from`. */
export function swapState(region: Region, slot: number, from: number, to: number): boolean {
  return atomics.compareExchange(region.i32, region.slotWord(slot) + SlotWord.X_STATE, from, to) === from;
}

/** Takes a free slot for a thread, or for a thread to come (`-threadTag` of the reserver). Returns it with its new generation. */
export function claimSlot(region: Region, thread: number, state: SlotState): { slot: number; generation: number } {
  for (let slot = 1; slot <= region.maxWorkers; slot++) {
    const free = loadState(region, slot);
    const nameWord = region.slotWord(slot) + SlotWord.X_THREAD;
    // Says whose the slot will be, so that a kill in the next instant can be told to it.
    if (stateOf(free) !== SlotState.FREE || atomics.compareExchange(region.i32, nameWord, 0, thread) !== 0) continue;
    const generation = nextGeneration(generationOf(free));
    // Takes the slot, unless a reclaimer that took the name for a dead one's has it in hand.
    if (swapState(region, slot, free, packState(state, generation))) return { slot, generation };
    atomics.compareExchange(region.i32, nameWord, thread, 0);
  }
  throw new HeapError(
    'ERR_HEAP_WORKERS',
    `all ${region.maxWorkers} worker slots are taken: raise maxWorkers, detach() workers that are done, or watch() them so that their slots come back`,
    { maxWorkers: region.maxWorkers },
  );
}

/** Turns a reserved slot into one of the calling thread. Throws ERR_HEAP_TOKEN if the reservation is gone or used. */
export function claimReserved(region: Region, thread: number, workerId: number): { slot: number; generation: number } {
  const id = parseWorkerId(region, workerId);
  const isOurs =
    id !== undefined &&
    swapState(
      region,
      id.slot,
      packState(SlotState.RESERVED, id.generation),
      packState(SlotState.ATTACHING, id.generation),
    );
  if (!isOurs)
    throw new HeapError(
      'ERR_HEAP_TOKEN',
      `the reservation ${workerId} of this token is used up or taken back; a token of heap.reserve() serves one worker`,
      { workerId },
    );
  atomics.store(region.i32, region.slotWord(id.slot) + SlotWord.X_THREAD, thread);
  return id;
}

/** The slots that a thread holds, for its exit. */
export function slotsOfThread(region: Region, thread: number): number[] {
  const slots: number[] = [];
  for (let slot = 1; slot <= region.maxWorkers; slot++)
    if (atomics.load(region.i32, region.slotWord(slot) + SlotWord.X_THREAD) === thread) slots.push(slot);
  return slots;
}

/**
 * Gives back the slots in which a dead thread had only its name: it was about to give them a state, or had taken that away.
 * Nothing else is theirs, so the name goes and that is all.
 */
export function dropNames(region: Region, thread: number): boolean {
  let dropped = false;
  for (let slot = 1; slot <= region.maxWorkers; slot++) {
    const word = region.slotWord(slot) + SlotWord.X_THREAD;
    const holder = atomics.load(region.i32, word);
    const isNameOnly = (holder === thread || holder === -thread) && stateOf(loadState(region, slot)) === SlotState.FREE;
    if (isNameOnly && atomics.compareExchange(region.i32, word, holder, 0) === holder) dropped = true;
  }
  return dropped;
}

/** Gives a slot back that owns nothing any more. Only who made the state RECLAIMING calls this. */
export function freeSlot(region: Region, slot: number, reclaiming: number, thread: number): void {
  const at = region.slotWord(slot);
  // From here on the slot is the freeing thread's: if it dies before the last step, its own exit names the slot.
  atomics.store(region.i32, at + SlotWord.X_THREAD, thread);
  atomics.store(region.i32, at + SlotWord.X_INTENT, 0);
  if (!swapState(region, slot, reclaiming, packState(SlotState.FREE, generationOf(reclaiming)))) return;
  // Last: from here on another worker may take the slot.
  atomics.compareExchange(region.i32, at + SlotWord.X_THREAD, thread, 0);
}
