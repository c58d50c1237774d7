/** Under these symbols Node's (Bun's) and Deno's consoles look for how an object wants to be shown. */
export const NODE_INSPECT = Symbol.for('nodejs.util.inspect.custom');
export const DENO_INSPECT = Symbol.for('Deno.customInspect');

/** Names that no field can have. */
export const SHOW = Symbol('show');
export const TITLE = Symbol('title');

/** What a console gives to show values within another one. */
export type Inspect = (value: unknown, options: object) => string;

/** Elements of an array that consoles show. */
const ELEMENTS_SHOWN = 10;

/** An object that consoles show as it says itself. */
export abstract class Shown {
  /** @internal */
  abstract [SHOW](inspect: (value: unknown) => string): string;

  [NODE_INSPECT](_depth: number, options: object, inspect: Inspect): string {
    return this[SHOW]((value) => inspect(value, options));
  }

  [DENO_INSPECT](inspect: Inspect, options: object): string {
    return this[SHOW]((value) => inspect(value, options));
  }
}

/** A field's value without anything that refers to shared memory, as far as that can be. */
export function plainValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('compareExchange' in value) return (value as unknown as { load(): number }).load();
  if ('address' in value) return value.address;
  if ('toObject' in value) return (value as { toObject(): unknown }).toObject();
  return Array.from(value as Iterable<unknown>, plainValue);
}

/** A field as consoles show it: of what a reference leads to only where it is, so circles end. */
export function shownField(read: () => unknown): unknown {
  try {
    return shownValue(read());
  } catch {
    // A reference to what was freed, or is of a definition that this thread doesn't have.
    return new Label('<not readable>');
  }
}

function shownValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (TITLE in value && 'address' in value) return new Label((value as unknown as { [TITLE](): string })[TITLE]());
  if ('compareExchange' in value) return plainValue(value);
  if ('address' in value || 'toObject' in value) return value;
  return Array.from(value as Iterable<unknown>, shownValue);
}

/** A text that consoles show without quotes. */
class Label extends Shown {
  constructor(private readonly text: string) {
    super();
  }

  [SHOW](): string {
    return this.text;
  }
}

/** What consoles show of a struct. */
export function picture(title: string, fields: Record<string, unknown>, show: (value: unknown) => string): string {
  const texts = Object.entries(fields).map(([name, value]) => `${name}: ${show(value)}`);
  return inLines(`${title} {`, texts, '}');
}

/** What consoles show of an array: its first elements. */
export function pictureOfArray(
  title: string,
  length: number,
  at: (index: number) => unknown,
  show: (value: unknown) => string,
): string {
  const texts = Array.from({ length: Math.min(length, ELEMENTS_SHOWN) }, (_, i) => show(at(i)));
  if (length > ELEMENTS_SHOWN) texts.push(`... ${length - ELEMENTS_SHOWN} more`);
  return inLines(`${title} [`, texts, ']');
}

function inLines(head: string, texts: readonly string[], end: string): string {
  if (texts.length === 0) return `${head}${end}`;
  const line = `${head} ${texts.join(', ')} ${end}`;
  if (line.length <= 76 && !line.includes('\n')) return line;
  return `${head}\n  ${texts.join(',\n').replaceAll('\n', '\n  ')}\n${end}`;
}
