import { bytesText, countText, hexText } from '../config/index.js';
import { type HeapModel } from './model.js';

/** What an address is in a snapshot. */
export interface Finding {
  readonly what: 'block' | 'span' | 'gap' | 'control' | 'tables' | 'unused' | 'outside';
  /** In words, one sentence. */
  readonly text: string;
  readonly slice: number;
  /** Row of the run it lies in, -1 for none. */
  readonly row: number;
  /** Block of the slab it lies in, -1 for none. */
  readonly block: number;
}

/** Reads an address, `0x1a40` or decimal, with or without separators; undefined for anything else. */
export function parseAddress(text: string): number | undefined {
  const digits = text.trim().replaceAll(/[_,\s]/g, '');
  if (!/^(0x[\da-f]+|\d+)$/i.test(digits)) return undefined;
  const address = Number(digits);
  return address <= 0xffff_ffff ? address : undefined;
}

const STATE_WORDS: Readonly<Record<string, string>> = {
  live: 'a live block',
  remote: 'a block that another worker freed and its owner has not taken back yet',
  cached: 'a free block in a cache of its owner',
  free: 'a free block',
};

/** The owner of a run, in words. */
export function ownerText(workerId: number): string {
  return workerId === 0 ? 'nobody, its worker left' : `worker ${workerId}`;
}

/** What a run is, in words. */
export function runText(model: HeapModel, row: number): string {
  const { runs } = model.snapshot;
  const kind = model.kindOf(row);
  if (kind === 'control') return `control block of worker ${runs.owner[row]}`;
  if (kind === 'span') return `large block of ${bytesText(model.blockBytes(row))}`;
  return `slab of class ${runs.class[row]}, ${countText(model.blockBytes(row))}-byte blocks`;
}

/** Says what lies at an address. */
export function findAddress(model: HeapModel, address: number): Finding {
  const { sliceBytes, baseSlice, firstSlice, limitSlice } = model.snapshot;
  const slice = Math.floor(address / sliceBytes);
  const at = hexText(address);
  const finding = (what: Finding['what'], text: string, row = -1, block = -1): Finding => ({
    what,
    text: `${at} ${text}`,
    slice,
    row,
    block,
  });
  if (slice < baseSlice || slice >= limitSlice) {
    const from = hexText(baseSlice * sliceBytes);
    return finding('outside', `is not the heap's: that goes from ${from} to ${hexText(limitSlice * sliceBytes)}.`);
  }
  if (slice < firstSlice) return finding('tables', 'is metadata: the tables at the start of the region.');
  const row = model.rowAt(slice);
  if (row < 0) return finding('unused', 'is free: no slab and no large block is there.');
  const kind = model.kindOf(row);
  if (kind === 'control') return finding('control', `is metadata: the ${runText(model, row)}.`, row);
  const offset = address - model.startAddress(row);
  if (kind === 'span') return finding('span', `${inside(offset)} a live ${spanText(model, row)}.`, row, 0);
  const block = Math.floor(offset / model.blockBytes(row));
  const within = `in a ${runText(model, row)}, of ${ownerText(model.snapshot.runs.owner[row])}`;
  if (block >= model.capacity(row)) return finding('gap', `is in the last bytes, too few for a block, ${within}.`, row);
  return finding('block', `${blockText(model, row, block, offset % model.blockBytes(row))} ${within}.`, row, block);
}

const inside = (offset: number): string => (offset === 0 ? 'is' : `is ${countText(offset)} bytes into`);

function spanText(model: HeapModel, row: number): string {
  const from = model.startAddress(row);
  const site = siteText(model, from);
  return `${runText(model, row)} at ${hexText(from)}, allocated by worker ${model.snapshot.runs.owner[row]}${site}`;
}

/** Where a block was allocated, if the snapshot says so. */
function siteText(model: HeapModel, address: number): string {
  const site = model.snapshot.callSites?.[address];
  return site === undefined ? '' : ` at ${site}`;
}

function blockText(model: HeapModel, row: number, block: number, offset: number): string {
  const address = model.startAddress(row) + block * model.blockBytes(row);
  const state = model.blockState(row, block);
  const words = state === undefined ? 'a block, whose state this snapshot leaves out,' : STATE_WORDS[state];
  const site = siteText(model, address);
  const named = offset === 0 ? words : `${words} at ${hexText(address)}`;
  return `${inside(offset)} ${named}${site === '' ? '' : `, allocated${site},`}`;
}
