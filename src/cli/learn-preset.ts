import { OPTIONS, type EffectiveOptions, type Preset, type PresetName } from '../config/index.js';
import { type Replayed } from './learn-replay.js';

/** How far above the base learning may go: it begins with a quarter of what it is allowed, so about where the base is. */
const ROOM = 4;

const SIZES = ['cacheCapacity', 'cacheBytes', 'refillMax', 'refillMaxHot'] as const;
type Sizes = Record<(typeof SIZES)[number], number>;

const within = (name: keyof Sizes | 'emptySlabsKept', value: number): number =>
  Math.min(OPTIONS[name].max, Math.max(OPTIONS[name].min, Math.ceil(value)));

/** The sizes of the base, with room above them. */
export function withRoom(base: EffectiveOptions): Sizes {
  return Object.fromEntries(SIZES.map((name) => [name, within(name, base[name] * ROOM)])) as Sizes;
}

export type LearnedPreset = Preset & { readonly extends: PresetName };

/** Blocks that a cache may hold however large they are, whatever cacheBytes says. */
const LEAST_BLOCKS = 4;
/** Blocks up to this size are refilled by refillMaxHot. */
const HOT_BYTES = 128;

/**
 * A preset for heaps that don't learn: no class that was used caches less than it has learned. Options are the same for all classes,
 * so most cache more. Options that concern no class that was used stay with the base.
 */
export function presetOf(base: PresetName, name: string, { learned: { classes } }: Replayed): LearnedPreset {
  const [hot, others] = [true, false].map((isHot) =>
    classes.filter(({ blockBytes }) => blockBytes <= HOT_BYTES === isHot),
  );
  const larger = classes.filter(({ capacityBlocks }) => capacityBlocks > LEAST_BLOCKS);
  const learned: Record<keyof Sizes | 'emptySlabsKept', number[]> = {
    cacheCapacity: classes.map(({ capacityBlocks }) => capacityBlocks),
    cacheBytes: larger.map(({ capacityBlocks, blockBytes }) => capacityBlocks * blockBytes),
    refillMax: others.map(({ refillBlocks }) => refillBlocks),
    refillMaxHot: hot.map(({ refillBlocks }) => refillBlocks),
    emptySlabsKept: classes.map(({ emptySlabsKept }) => emptySlabsKept),
  };
  const entries = Object.entries(learned).filter(([, values]) => values.length > 0);
  return {
    $schema: './node_modules/sabmalloc/presets/schema.json',
    name,
    version: 1,
    description: `Sizes that caches learned; written by \`sabmalloc learn\` from ${base}.`,
    extends: base,
    options: Object.fromEntries(
      entries.map(([option, values]) => [option, within(option as keyof typeof learned, Math.max(...values))]),
    ),
  };
}
