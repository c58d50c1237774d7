import * as atomics from '#atomics';
import { fingerprint } from '../base/bits.js';
import { TextsWord } from '../layout/offsets.generated.js';
import type { Region } from './region.js';

/** One word of a table in so many names a text; the texts take the others. */
const WORDS_PER_ENTRY_SHIFT = 4;

/**
 * Texts by number, for all workers: a hash table in the region that only grows. A text is published by the
 * compare-and-swap that enters it, so who reads its number anywhere finds it. A full table drops texts; a worker killed
 * while it enters one loses a few words of it.
 */
export class TextTable {
  private readonly region: Region;
  private readonly head: number;
  private readonly words: number;
  private readonly directory: number;
  private readonly texts: number;
  private readonly entries: number;

  /** `head`: word index of the table in the region, `words`: its length. */
  constructor(region: Region, head: number, words: number) {
    this.region = region;
    this.head = head;
    this.words = words;
    this.entries = words >>> WORDS_PER_ENTRY_SHIFT;
    this.directory = head + TextsWord.WORDS;
    this.texts = this.directory + this.entries;
  }

  /** Number of the text, from 1 on, the same in every worker; 0 if the table is full. */
  enter(text: string): number {
    const { i32 } = this.region;
    const bytes = new TextEncoder().encode(text);
    let written = 0;
    let entry = (fingerprint(text) >>> 0) % this.entries;
    for (let probes = 0; probes < this.entries; probes++) {
      let at = atomics.load(i32, this.directory + entry);
      if (at === 0) {
        written ||= this.append(bytes);
        if (written === 0) return 0;
        // Publishes the text to whoever meets the number.
        at = atomics.compareExchange(i32, this.directory + entry, 0, written);
        if (at === 0) return entry + 1;
      }
      if (this.read(at) === text) return entry + 1;
      entry = (entry + 1) % this.entries;
    }
    return 0;
  }

  /** The text with this number; undefined if there is none. */
  textOf(number: number): string | undefined {
    if (number < 1 || number > this.entries) return undefined;
    return this.read(atomics.load(this.region.i32, this.directory + number - 1));
  }

  /** Puts a text behind the others; its offset from the head of the table, or 0 if there is no room. */
  private append(bytes: Uint8Array): number {
    const { region } = this;
    const words = 1 + Math.ceil(bytes.length / 4);
    const offset = this.texts - this.head + atomics.add(region.i32, this.head + TextsWord.X_USED, words);
    if (offset + words > this.words) {
      atomics.add(region.i32, this.head + TextsWord.X_LOST, 1);
      return 0;
    }
    region.i32[this.head + offset] = bytes.length;
    region.u8.set(bytes, (this.head + offset + 1) * 4);
    return offset;
  }

  private read(offset: number): string | undefined {
    const { region } = this;
    if (offset <= 0 || offset >= this.words) return undefined;
    const from = (this.head + offset + 1) * 4;
    const length = region.i32[this.head + offset];
    if (length < 0 || from + length > (this.head + this.words) * 4) return undefined;
    // A copy: decoders refuse shared memory.
    return new TextDecoder().decode(region.u8.slice(from, from + length));
  }
}
