import { InvalidArgumentError, Option } from 'commander';
import { ORDERS, type Order, type OptionValue } from './spec.js';

/** Parsers of flag values: each refuses with a sentence that says what would be right. */

const UNITS: Readonly<Partial<Record<string, number>>> = {
  '': 1,
  b: 1,
  k: 1024,
  kib: 1024,
  m: 2 ** 20,
  mib: 2 ** 20,
  g: 2 ** 30,
  gib: 2 ** 30,
};

const SIZE_MAX = 1 << 28;

function bytesIn(text: string): number | undefined {
  const match = /^(\d+)\s*([a-z]*)$/i.exec(text.trim());
  const factor = match === null ? undefined : UNITS[match[2].toLowerCase()];
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor;
}

export function parseBytes(text: string): number {
  const bytes = bytesIn(text);
  if (bytes === undefined) throw new InvalidArgumentError('Write a number of bytes, such as 1048576, 512KiB or 1GiB.');
  return bytes;
}

export interface SizeRange {
  readonly min: number;
  readonly max: number;
}

export function parseSizeRange(text: string): SizeRange {
  const parts = text.split('-').map(bytesIn);
  const [min, max = min] = parts;
  if (parts.length > 2 || min === undefined || max === undefined || min > max || max > SIZE_MAX) {
    throw new InvalidArgumentError(
      'Write a size or a range of sizes in bytes, such as 64, 8-64 or 2KiB-32KiB, up to 256MiB.',
    );
  }
  return { min, max };
}

export function parseRecordSize(text: string): SizeRange {
  const bytes = bytesIn(text);
  if (bytes === undefined || bytes < 8 || bytes % 8 !== 0 || bytes > SIZE_MAX) {
    throw new InvalidArgumentError('Write a multiple of 8 bytes, such as 152 or 1MiB, up to 256MiB.');
  }
  return { min: bytes, max: bytes };
}

export function parseSizeList(text: string): number[] {
  const sizes = text.split(',').map(bytesIn);
  if (!sizes.every((size) => size !== undefined && size <= SIZE_MAX)) {
    throw new InvalidArgumentError('Write sizes in bytes with commas between, such as 16,32,64.');
  }
  return sizes as number[];
}

export function parseOrders(text: string): Order[] {
  const orders = text.split(',');
  if (!orders.every((order): order is Order => (ORDERS as readonly string[]).includes(order))) {
    throw new InvalidArgumentError('Write lifo, fifo or lifo,fifo.');
  }
  return orders;
}

export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}.`);
  };
}

/** `--set name=value`, to be given any number of times. Whether the heap knows the name is for the heap to say. */
export function parseSetting(text: string, before: Record<string, OptionValue> = {}): Record<string, OptionValue> {
  const match = /^(\w+)=(.+)$/.exec(text);
  if (match === null) {
    throw new InvalidArgumentError('Write an option of the heap with its value, such as cacheCapacity=64.');
  }
  return { ...before, [match[1]]: settingValue(match[2]) };
}

function settingValue(text: string): OptionValue {
  if (text === 'true' || text === 'false') return text === 'true';
  return bytesIn(text) ?? text;
}

export const integerOption = (flags: string, doc: string, min: number, max: number, value: number): Option =>
  new Option(flags, doc).argParser(integer(min, max)).default(value);
