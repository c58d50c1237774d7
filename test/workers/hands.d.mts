import { type Heap } from 'sabmalloc';
import { type Random } from './common.mjs';
import { type Market, type Page } from './ledger.mjs';

export class Hands {
  constructor(page: Page, market: Market, random: Random, largest: number);
  heap: Heap;
  step(): void;
  collect(): void;
}
