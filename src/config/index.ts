export { OPTIONS, OPTION_NAMES } from './options.js';
export type { HeapOptions, OptionGroup, OptionName, OptionScope, OptionSpec } from './options.js';
export { PRESETS } from './presets.generated.js';
export { resolveOptions } from './resolve.js';
export type { CreateOptions, Preset, PresetName, ResolvedOptions } from './resolve.js';
