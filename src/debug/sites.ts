import * as atomics from '#atomics';
import { fingerprint } from '../base/bits.js';
import { SiteWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { callSite } from './stack.js';

/** One word of the table in so many names a place; the texts take the others. */
const WORDS_PER_PLACE_SHIFT = 4;

/**
 * Call sites by number, for all workers: a hash table of texts in the region that only grows. A place is published by the
 * compare-and-swap that enters it, so who reads its number out of a trailer finds its text. A full table drops places; a
 * worker killed while it enters one loses a few words of it.
 */
export class Sites {
  private readonly region: Region;
  private readonly places: number;
  private readonly texts: number;
  private readonly entries: number;
  private readonly numbers = new Map<string, number>();

  constructor(region: Region) {
    this.region = region;
    this.entries = region.siteWords >>> WORDS_PER_PLACE_SHIFT;
    this.places = region.sites + SiteWord.WORDS;
    this.texts = this.places + this.entries;
  }

  /** Number of the place that called the package; 0 if the table is full or the engine doesn't tell. */
  here(): number {
    const text = callSite();
    if (text === '') return 0;
    let number = this.numbers.get(text);
    if (number === undefined) this.numbers.set(text, (number = this.enter(text)));
    return number;
  }

  /** The place with this number; undefined if there is none. */
  textOf(number: number): string | undefined {
    if (number < 1 || number > this.entries) return undefined;
    return this.textAt(atomics.load(this.region.i32, this.places + number - 1));
  }

  private enter(text: string): number {
    const { i32 } = this.region;
    const bytes = new TextEncoder().encode(text);
    let written = 0;
    let entry = (fingerprint(text) >>> 0) % this.entries;
    for (let probes = 0; probes < this.entries; probes++) {
      let at = atomics.load(i32, this.places + entry);
      if (at === 0) {
        written ||= this.append(bytes);
        if (written === 0) return 0;
        // Publishes the text to whoever meets the number.
        at = atomics.compareExchange(i32, this.places + entry, 0, written);
        if (at === 0) return entry + 1;
      }
      if (this.textAt(at) === text) return entry + 1;
      entry = (entry + 1) % this.entries;
    }
    return 0;
  }

  /** Puts a text behind the others; its offset from the head of the table, or 0 if there is no room. */
  private append(bytes: Uint8Array): number {
    const { region } = this;
    const words = 1 + Math.ceil(bytes.length / 4);
    const offset = this.texts - region.sites + atomics.add(region.i32, region.sites + SiteWord.X_USED, words);
    if (offset + words > region.siteWords) {
      atomics.add(region.i32, region.sites + SiteWord.X_LOST, 1);
      return 0;
    }
    region.i32[region.sites + offset] = bytes.length;
    region.u8.set(bytes, (region.sites + offset + 1) * 4);
    return offset;
  }

  private textAt(offset: number): string | undefined {
    const { region } = this;
    if (offset <= 0 || offset >= region.siteWords) return undefined;
    const from = (region.sites + offset + 1) * 4;
    const length = region.i32[region.sites + offset];
    if (length < 0 || from + length > (region.sites + region.siteWords) * 4) return undefined;
    // A copy: decoders refuse shared memory.
    return new TextDecoder().decode(region.u8.slice(from, from + length));
  }
}
