import { bytesText, countText } from '../../config/index.js';
import { type Group, type HeapModel } from '../model.js';
import { element } from './dom.js';
import { fragmentationOf, percent } from './words.js';

/** A bar: what of the committed bytes is live, freed elsewhere, cached; the rest is free. */
function bar(group: Group): HTMLElement {
  const parts = (['live', 'remote', 'cached'] as const).map((state) => {
    const share = group[`${state}Bytes`] / group.committedBytes;
    return element('i', { style: `width:${100 * share}%;background:var(--${state})` });
  });
  const said = `${percent(1 - fragmentationOf(group))} live`;
  return element('div', { class: 'bar', role: 'img', 'aria-label': said, title: said }, ...parts);
}

function table(caption: string, heads: readonly string[], rows: readonly (readonly (string | Node)[])[]): HTMLElement {
  const head = element('tr', {}, ...heads.map((text) => element('th', { scope: 'col' }, text)));
  const body = rows.map((cells) => element('tr', {}, ...cells.map((cell) => element('td', {}, cell))));
  return element(
    'table',
    {},
    element('caption', { class: 'unseen' }, caption),
    element('thead', {}, head),
    element('tbody', {}, ...body),
  );
}

const counts = (group: Group): string[] =>
  [group.live, group.cached, group.remote, group.free].map((count) => countText(count));

const COUNTED = ['live', 'cached', 'remote', 'free', 'not live', 'use'];

const use = (group: Group): (string | Node)[] => [...counts(group), percent(fragmentationOf(group)), bar(group)];

export function classTable(model: HeapModel): HTMLElement {
  const rows = model
    .byClass()
    .map((group) => [
      group.key === 0 ? 'large blocks' : `${countText(model.snapshot.classBytes[group.key])} B`,
      countText(group.runs),
      bytesText(group.committedBytes),
      ...use(group),
    ]);
  return table('Memory by size class', ['block', 'slabs', 'committed', ...COUNTED], rows);
}

export function workerTable(model: HeapModel): HTMLElement {
  const { takenBy } = model.snapshot;
  const { workers } = model.snapshot.stats;
  const groups = new Map(model.byOwner().map((group) => [group.key, group]));
  const known = workers.map(({ workerId, state, cacheMisses }) => {
    const group = groups.get(workerId);
    groups.delete(workerId);
    const numbers = group === undefined ? ['0', '0 B'] : [countText(group.runs), bytesText(group.committedBytes)];
    const rest = group === undefined ? ['0', '0', '0', '0', '', ''] : use(group);
    return [
      `${workerId}, ${state}${workerId === takenBy ? ', took this' : ''}`,
      countText(cacheMisses),
      ...numbers,
      ...rest,
    ];
  });
  const gone = [...groups.values()].map((group) => [
    group.key === 0 ? 'nobody' : `${group.key}, gone`,
    '',
    countText(group.runs),
    bytesText(group.committedBytes),
    ...use(group),
  ]);
  return table('Memory by worker', ['worker', 'misses', 'slabs', 'committed', ...COUNTED], [...known, ...gone]);
}
