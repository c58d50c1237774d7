import { printTable } from '../report.js';
import { missing } from './availability.js';
import { RIVALS } from './catalogue.js';

export interface RivalStatus {
  readonly name: string;
  readonly about: string;
  readonly available: boolean;
  readonly howToGet?: string;
}

export function rivalStatuses(): RivalStatus[] {
  return RIVALS.map((rival) => {
    const howToGet = missing(rival);
    const { name, about } = rival;
    return { name, about, available: howToGet === undefined, ...(howToGet === undefined ? {} : { howToGet }) };
  });
}

export function printRivals(statuses: readonly RivalStatus[]): void {
  printTable(
    ['rival', 'there', 'what it is'],
    statuses.map(({ name, available, about }) => [name, available ? 'yes' : 'NO', about]),
  );
  for (const { name, howToGet } of statuses) {
    if (howToGet !== undefined) process.stdout.write(`${name}: ${howToGet}\n`);
  }
}
