/** What an option is: the shape of the rows of the options table. */

export const OPTION_GROUPS = {
  core: 'What the region is made of and how large it may get.',
  cache: 'What each worker keeps at hand.',
  refill: 'Refill and drain: how blocks move between caches, other workers and slabs.',
  debug: 'What makes mistakes and traffic visible.',
  learning: 'What a heap tunes by itself.',
} as const;

export type OptionGroup = keyof typeof OPTION_GROUPS;
export type OptionScope = 'heap' | 'call';

export interface Deprecation {
  /** Version of the package. */
  readonly since: string;
  /** The day from which on the option may go, as 2027-01-31. A test fails from then on until it is gone. */
  readonly sunset: string;
  /** Takes over the value, which must suit it. */
  readonly successor?: string;
}

interface OptionBase {
  readonly group: OptionGroup;
  readonly scope: OptionScope;
  readonly since: string;
  readonly deprecated?: Deprecation;
  /** What it does. */
  readonly doc: string;
  /** When to touch it. */
  readonly when: string;
  readonly conflictsWith?: readonly string[];
  /** Says something about this option, and so nothing without it. */
  readonly needs?: string;
  /** Has an effect only where that option has this value. */
  readonly worksWith?: { readonly option: string; readonly value: string };
}

export interface IntegerOption extends OptionBase {
  readonly type: 'integer';
  readonly unit:
    'bytes' | 'blocks' | 'workers' | 'slabs' | 'slots' | 'allocations' | 'calls' | 'events' | 'milliseconds' | 'level';
  readonly min: number;
  readonly max: number;
  /** undefined: absent unless given. */
  readonly default: number | undefined;
}

export interface BooleanOption extends OptionBase {
  readonly type: 'boolean';
  readonly default: boolean;
}

export interface ChoiceOption extends OptionBase {
  readonly type: 'choice';
  readonly choices: readonly string[];
  readonly default: string;
  /** The choice that leaves it open: it conflicts with nothing. */
  readonly open?: string;
}

/** Any text but none at all. */
export interface TextOption extends OptionBase {
  readonly type: 'text';
  /** What the text is, in a word, as `file`. */
  readonly unit: string;
  readonly default: undefined;
}

export interface MemoryOption extends OptionBase {
  readonly type: 'memory';
  readonly default: undefined;
}

export type OptionSpec = IntegerOption | BooleanOption | ChoiceOption | TextOption | MemoryOption;
export type OptionTable = Readonly<Record<string, OptionSpec>>;
