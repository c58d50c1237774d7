import { type Memory } from './allocator.js';
import { type Slots } from './slots.js';

/** Bytes stamped at either end of a block that is bigger than both together. */
const STAMP_BYTES = 32;

/** What the loops tell about blocks. */
export interface Marks<B> {
  /** Whether the other methods have anything to do; loops test it so that a plain run pays one branch only. */
  readonly active: boolean;
  /** After a block came into a slot. */
  placed(slots: Slots<B>, slot: number, block: B, size: number): void;
  /** Before a block leaves its slot to be freed. */
  leaving(slots: Slots<B>, slot: number): void;
}

/**
 * Writes into blocks: nothing, a word at either end (`--touch`), or a stamp that is checked before the free
 * (`--verify`). A stamp depends on the address, the size and the slot, so two live blocks that overlap cannot agree.
 */
export class Marker implements Marks<number> {
  readonly memory: Memory;
  readonly active: boolean;
  readonly verify: boolean;
  /** Of blocks of more than 8 bytes. */
  readonly #alignment: number;

  constructor(memory: Memory, mode: { readonly touch: boolean; readonly verify: boolean }, alignment: number) {
    this.memory = memory;
    this.#alignment = alignment;
    this.active = mode.touch || mode.verify;
    this.verify = mode.verify;
  }

  placed(slots: Slots, slot: number, address: number, size: number): void {
    if (!this.verify) {
      this.#touch(address, size);
      return;
    }
    if (address === 0 || address % (size > 8 ? this.#alignment : 8) !== 0) {
      throw new Error(`verify: malloc(${size}) gave ${hex(address)}, which is no aligned address.`);
    }
    slots.sizes[slot] = size;
    const tag = tagOf(slot, address, size);
    const { u8 } = this.memory;
    forStamped(size, (i) => {
      u8[address + i] = byteOf(tag, i);
    });
  }

  leaving(slots: Slots, slot: number): void {
    if (!this.verify) return;
    const address = slots.addresses[slot];
    const size = slots.sizes[slot];
    this.#check(address, size, tagOf(slot, address, size), size, slot);
  }

  /** After a realloc: what was stamped at `oldAddress` must be at `address` now, up to the smaller of both sizes. */
  moved(slots: Slots, slot: number, oldAddress: number, address: number, size: number): void {
    if (!this.verify) return;
    const oldSize = slots.sizes[slot];
    this.#check(address, oldSize, tagOf(slot, oldAddress, oldSize), Math.min(oldSize, size), slot);
  }

  zeroed(address: number, size: number): void {
    if (!this.verify) return;
    const dirty = this.memory.u8.subarray(address, address + size).findIndex((byte) => byte !== 0);
    if (dirty < 0) return;
    throw new Error(`verify: calloc(${size}) gave ${hex(address)}, where byte ${dirty} is not zero.`);
  }

  #touch(address: number, size: number): void {
    if (size < 4) return;
    const { u32 } = this.memory;
    u32[address >>> 2] = size;
    u32[(address + size - 4) >>> 2] = size;
  }

  #check(address: number, size: number, tag: number, upTo: number, slot: number): void {
    const { u8 } = this.memory;
    forStamped(size, (i) => {
      if (i >= upTo || u8[address + i] === byteOf(tag, i)) return;
      throw new Error(
        `verify: the block at ${hex(address)} (${size} bytes, slot ${slot}) was overwritten: ` +
          `byte ${i} is ${hex(u8[address + i])} and was ${hex(byteOf(tag, i))}.`,
      );
    });
  }
}

function forStamped(size: number, visit: (offset: number) => void): void {
  const whole = size <= 2 * STAMP_BYTES;
  for (let i = 0; i < (whole ? size : STAMP_BYTES); i++) visit(i);
  if (!whole) for (let i = size - STAMP_BYTES; i < size; i++) visit(i);
}

const tagOf = (slot: number, address: number, size: number): number =>
  Math.imul(address ^ Math.imul(slot + 1, 0x85ebca6b), 0x9e3779b1) ^ Math.imul(size, 0xc2b2ae35);

const byteOf = (tag: number, i: number): number => ((tag >>> ((i & 3) * 8)) + i) & 255;

const hex = (value: number): string => `0x${value.toString(16)}`;
