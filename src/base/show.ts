/** Under these symbols Node's (Bun's) and Deno's consoles look for how an object wants to be shown. */
export const NODE_INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;
export const DENO_INSPECT: unique symbol = Symbol.for('Deno.customInspect') as never;

/** The runtime's own way of showing a value, as it hands it to an object that shows itself. */
export type Inspect = (value: unknown, options?: unknown) => string;

const UNITS = ['B', 'KiB', 'MiB', 'GiB'];

/** A number of bytes in the largest unit in which it is 1 or more, three digits: `1.25 MiB`. */
export function bytesText(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${UNITS[unit]}`;
}

/** A whole number with commas between the thousands, whatever the runtime's language. */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** An address as debuggers write it. */
export function hexText(address: number): string {
  return `0x${address.toString(16)}`;
}
