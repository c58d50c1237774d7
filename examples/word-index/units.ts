/** Numbers as people read and write them. */

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** 9,842,762 as "9.84 M": for what changes while one looks. */
export function millions(value: number): string {
  return value < 1e6 ? count(value) : `${(value / 1e6).toFixed(2)} M`;
}

export function bytes(value: number): string {
  let unit = 0;
  let amount = value;
  for (; amount >= 1024 && unit < BYTE_UNITS.length - 1; unit++) amount /= 1024;
  return `${Number.isInteger(amount) ? amount : amount.toFixed(amount < 10 ? 2 : 1)} ${BYTE_UNITS[unit]}`;
}

export function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

export function perSecond(amount: number, milliseconds: number): number {
  return milliseconds > 0 ? (amount * 1000) / milliseconds : 0;
}

/** "268435456", "256MiB", "256 mb" or "1g" in bytes, or undefined. Every unit is a power of 1024. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const power = ['', 'k', 'm', 'g', 't'].indexOf(match[2].toLowerCase());
  return Math.round(Number(match[1]) * 1024 ** power);
}
