import { bytesText, countText, hexText } from '../../config/index.js';
import { ownerText, runText } from '../find.js';
import { type Group, type HeapModel } from '../model.js';
import { STATES } from './colours.js';

export const percent = (share: number): string => `${(100 * share).toFixed(share < 0.0995 && share > 0 ? 1 : 0)} %`;

/** The facts about a run, as terms and what they are. */
export function runFacts(model: HeapModel, row: number): [string, string][] {
  const { runs, sliceBytes } = model.snapshot;
  const range = `${hexText(model.startAddress(row))} to ${hexText(model.endAddress(row))}`;
  const bytes = runs.slices[row] * sliceBytes;
  const facts: [string, string][] = [
    ['address', range],
    ['size', `${bytesText(bytes)}, ${countText(runs.slices[row])} ${runs.slices[row] === 1 ? 'slice' : 'slices'}`],
    [model.kindOf(row) === 'span' ? 'allocated by' : 'owner', ownerText(runs.owner[row])],
  ];
  if (model.kindOf(row) !== 'slab') return facts;
  const blocks = (['live', 'cached', 'remote', 'free'] as const).map(
    (state) => `${countText(runs[state][row])} ${state}`,
  );
  return [
    ...facts,
    ['blocks', `${countText(model.capacity(row))}: ${blocks.join(', ')}`],
    ['in use', percent((runs.live[row] * model.blockBytes(row)) / bytes)],
  ];
}

const sentence = (text: string): string => text[0].toUpperCase() + text.slice(1);

export const runTitle = (model: HeapModel, row: number): string => sentence(runText(model, row));

/** What a cell of the map stands for. */
export function cellText(model: HeapModel, slice: number, slices: number): string {
  return slices === 1 ? sliceText(model, slice) : slicesText(model, slice, slices);
}

function sliceText(model: HeapModel, slice: number): string {
  const use = model.useOf(slice);
  const at = hexText(slice * model.snapshot.sliceBytes);
  if (use === 'tables') return `Tables of the region\nslice at ${at}`;
  if (use === 'none') return `Not in use\nslice at ${at}`;
  const row = model.rowAt(slice);
  const lines = runFacts(model, row).map(([term, fact]) => `${term}: ${fact}`);
  return [runTitle(model, row), ...lines, `slice at ${at}`].join('\n');
}

function slicesText(model: HeapModel, slice: number, slices: number): string {
  const { sliceBytes, limitSlice } = model.snapshot;
  const end = Math.min(slice + slices, limitSlice);
  const mix = model.mixOf(slice, slices);
  const lines = STATES.filter(([state]) => mix[state] > 0).map(
    ([state, words]) => `${words}: ${percent(mix[state] / mix.granules)}`,
  );
  const title = `${end - slice} slices, ${hexText(slice * sliceBytes)} to ${hexText(end * sliceBytes)}`;
  return [title, ...(lines.length === 0 ? ['not in use'] : lines)].join('\n');
}

/** Share of a group's memory that holds no live block. */
export function fragmentationOf(group: Group): number {
  return group.committedBytes === 0 ? 0 : 1 - group.liveBytes / group.committedBytes;
}
