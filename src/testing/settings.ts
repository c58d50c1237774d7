import { PRESETS, type PresetName } from '../config/index.js';
import { type CreateOptions } from '../index.js';
import { type Setting } from './world.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Slots beyond those of the workers: for reservations, and for the dead that nobody has reclaimed yet. */
const SPARE_SLOTS = 3;

export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];

/** What heaps are fuzzed: each of these with each preset. */
const SHAPES: readonly Setting[] = [
  { options: { maxBytes: 1024 * MIB }, largest: 3 * MIB, isTight: false },
  { options: { maxBytes: MIB }, largest: 120 * KIB, isTight: true },
  { options: { maxBytes: 8 * MIB, backing: 'fixed' }, largest: 2 * MIB, isTight: true },
  { options: { maxBytes: 512 * KIB }, largest: 40 * KIB, isTight: true },
  { options: { maxBytes: 64 * MIB, backing: 'wasm' }, largest: 200 * KIB, isTight: true },
];

/** All shapes with one preset, or with all of them in turn. */
export function settingsWith(preset: PresetName | undefined, workers: number): Setting[] {
  const names = preset === undefined ? PRESET_NAMES : [preset];
  const maxWorkers = 1 + workers + SPARE_SLOTS;
  return SHAPES.flatMap(({ options, largest, isTight }) =>
    names.map((name) => ({ options: { preset: name, ...options, maxWorkers }, largest, isTight })),
  );
}

/** Heaps made with the caller's own options. How full they get is not known, so any request may be refused. */
export function settingOf(options: CreateOptions, largest: number): Setting {
  return { options, largest, isTight: true };
}
