import { bytesText, countText } from '../base/show.js';
import { SETTING_NAMES, type HeapSettings } from '../config/options.js';
import { PRESETS } from '../config/presets.generated.js';
import { resolveOptions } from '../config/resolve.js';
import type { Owner } from '../slabs/owner.js';
import { gatherStats } from './stats.js';

/** The preset that a heap's options are those of, whatever its size; a region doesn't store the name. */
function presetOf(settings: HeapSettings): string {
  const names = SETTING_NAMES.filter((name) => name !== 'maxBytes' && name !== 'maxWorkers');
  const isLike = (preset: HeapSettings): boolean => names.every((name) => preset[name] === settings[name]);
  return (
    Object.values(PRESETS).find((preset) => isLike(resolveOptions({ preset }).settings))?.name ?? 'options of its own'
  );
}

/** A heap as a console shows it. Never throws: a heap that can't be counted is shown with the reason. */
export function describeHeap(owner: Owner, isAttached: boolean): string {
  const { region, shape, settings, workerId } = owner;
  if (!isAttached) return `Heap (detached) { workerId: ${workerId} }`;
  try {
    const { liveBytes, liveBlocks, committedBytes, workers } = gatherStats(region, shape, settings, undefined);
    const blocks = `${bytesText(liveBytes)} live in ${countText(liveBlocks)} ${liveBlocks === 1 ? 'block' : 'blocks'}`;
    const committed = `${bytesText(committedBytes)} of ${bytesText(settings.maxBytes)} committed`;
    const attached = workers.filter(({ state }) => state === 'live').length;
    return `Heap (${presetOf(settings)}) { ${blocks}, ${committed}, worker ${workerId} of ${attached} attached }`;
  } catch (error) {
    return `Heap { workerId: ${workerId}, not countable: ${String(error)} }`;
  }
}
