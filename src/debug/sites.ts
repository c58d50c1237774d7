import type { Region } from '../memory/region.js';
import { TextTable } from '../memory/texts.js';
import { callSite } from './stack.js';

/** Call sites by number, for all workers. */
export class Sites {
  private readonly table: TextTable;
  private readonly numbers = new Map<string, number>();

  constructor(region: Region) {
    this.table = new TextTable(region, region.sites, region.siteWords);
  }

  /** Number of the place that called the package; 0 if the table is full or the engine doesn't tell. */
  here(): number {
    const text = callSite();
    if (text === '') return 0;
    let number = this.numbers.get(text);
    if (number === undefined) this.numbers.set(text, (number = this.table.enter(text)));
    return number;
  }

  /** The place with this number; undefined if there is none. */
  textOf(number: number): string | undefined {
    return this.table.textOf(number);
  }
}
