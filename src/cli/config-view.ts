import {
  flagOf,
  OPTION_GROUPS,
  OPTION_NAMES,
  OPTIONS,
  rangeOf,
  variableOf,
  type OptionName,
  type OptionSpec,
  type Origin,
  type Preset,
  type ResolvedOptions,
} from '../config/index.js';
import { FLAG_NAMES } from './config-flags.js';

/** A command line gives no objects. */
const textOf = (value: unknown): string => String((value as string | number | boolean | undefined) ?? 'none');

/** What was resolved, as it is shown. */
export class ConfigView {
  constructor(
    private readonly resolved: ResolvedOptions,
    private readonly file: string | undefined,
  ) {}

  private get own(): Preset {
    return this.resolved.presets[this.resolved.presets.length - 1];
  }

  private originOf(origin: Origin, name: string): { readonly from: string; readonly name?: string } {
    if (origin.kind === 'default') return { from: 'default' };
    if (origin.kind === 'environment') return { from: 'environment', name: variableOf(name) };
    if (origin.kind === 'overrides') return { from: 'override' };
    if (origin.kind === 'options') return { from: 'flag', name: flagOf(name) };
    const isFile = this.file !== undefined && origin.preset === this.own.name;
    return isFile ? { from: 'file', name: this.file } : { from: 'preset', name: origin.preset };
  }

  private words(origin: Origin, name: string): string {
    const { from, name: of } = this.originOf(origin, name);
    return of === undefined ? from : `${from} ${of}`;
  }

  private value(name: OptionName): string {
    return textOf(this.resolved.values[name]);
  }

  /** Every place that names an option, the strongest first. */
  private named(name: OptionName): { readonly origin: Origin; readonly value: unknown }[] {
    const layers = this.resolved.layers.filter(({ values }) => values.has(name)).reverse();
    const named = layers.map(({ origin, values }) => ({ origin, value: values.get(name) }));
    return [...named, { origin: { kind: 'default' }, value: OPTIONS[name].default }];
  }

  text(explained: readonly OptionName[] | undefined): string {
    if (explained !== undefined) return explained.map((name) => this.explain(name)).join('\n\n');
    const chain = [...this.resolved.presets].reverse().map(({ name, version }) => `${name} ${version}`);
    const head =
      this.file === undefined
        ? `preset ${chain.join(', extends ')}`
        : `${this.file} is right: preset ${chain.join(', extends ')}`;
    return [head, ...Object.keys(OPTION_GROUPS).flatMap((group) => this.group(group))].join('\n');
  }

  private group(group: string): string[] {
    const width = Math.max(...OPTION_NAMES.map((name) => name.length));
    const names = OPTION_NAMES.filter((name) => OPTIONS[name].group === group);
    const lines = names.map(
      (name) =>
        `  ${name.padEnd(width)}  ${this.value(name).padEnd(10)}  ${this.words(this.resolved.origins[name], name)}`,
    );
    return lines.length === 0 ? [] : ['', group, ...lines];
  }

  private explain(name: OptionName): string {
    const spec: OptionSpec = OPTIONS[name];
    const chosen = this.resolved.origins[name];
    const places = this.named(name).map(({ origin, value }) => `${textOf(value)} (${this.words(origin, name)})`);
    const rows: [string, string | undefined][] = [
      ['value', `${this.value(name)}, from ${this.words(chosen, name)}`],
      ['places', places.join(' over ')],
      ['range', rangeOf(spec)],
      ['scope', spec.scope === 'heap' ? 'heap: fixed when the region is made' : 'call: of Heap.create alone'],
      ['flag', FLAG_NAMES.includes(name) ? flagOf(name) : undefined],
      ['variable', spec.type === 'memory' ? undefined : variableOf(name)],
      ['not beside', spec.conflictsWith?.join(', ')],
      ['needs', spec.needs],
      ['since', spec.since],
      ['deprecated', this.fate(spec)],
    ];
    const lines = rows.filter(([, text]) => text !== undefined).map(([key, text]) => `  ${key.padEnd(12)}${text}`);
    return [name, `  ${spec.doc} ${spec.when}`, ...lines].join('\n');
  }

  private fate({ deprecated }: OptionSpec): string | undefined {
    if (deprecated === undefined) return undefined;
    const { since, sunset, successor } = deprecated;
    return `since ${since}, goes after ${sunset}${successor === undefined ? '' : `, use ${successor}`}`;
  }

  json(explained: readonly OptionName[] | undefined): string {
    const options = (explained ?? OPTION_NAMES).map((name) => {
      const { scope, type, doc, when, ...spec }: OptionSpec = OPTIONS[name];
      const about = { type, scope, range: rangeOf(OPTIONS[name]), doc, when, ...spec };
      const shown = { value: this.resolved.values[name] ?? null, ...this.origin(name) };
      return [name, explained === undefined ? shown : { ...shown, ...about }];
    });
    const presets = [...this.resolved.presets].reverse().map(({ name, version }) => ({ name, version }));
    return JSON.stringify({ presets, options: Object.fromEntries(options) as object }, null, 2);
  }

  private origin(name: OptionName): object {
    return { origin: this.originOf(this.resolved.origins[name], name) };
  }
}
