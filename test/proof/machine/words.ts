import { Classes } from '../../../src/layout/classes.js';
import { CACHE, HEADER, offsetsOf, SLICE, SLOT, type RecordSpec } from '../../../src/layout/schema.js';
import type { Region } from '../../../src/memory/region.js';
import { BIT_WORDS_PER_SLICE } from '../../../src/memory/tables.js';
import type { WordMap, WordName } from './machine.js';

/** Name and way of touching of the field at an offset of a record. */
function fieldAt(record: RecordSpec, offset: number): { name: string; isOwners: boolean } {
  const found = offsetsOf(record).findLast((field) => field.offset <= offset);
  if (found === undefined) throw new Error(`no field at ${offset} of ${record.name}`);
  return { name: `${record.name}.${found.field.name}`, isOwners: found.field.sync === 'owner' };
}

/**
 * Names every word of a region by the schema. Words outside the tables are blocks or control blocks; only one worker at a
 * time touches these, and if two do, the race detector says so.
 */
export class RegionWords implements WordMap {
  readonly buffer: SharedArrayBuffer;
  readonly length: number;
  private readonly tables: readonly { start: number; name: (offset: number) => WordName & { isOwners?: boolean } }[];

  constructor(
    region: Region,
    private readonly cacheWords: number,
  ) {
    this.buffer = region.buffer;
    this.length = Math.floor(region.buffer.byteLength / 4);
    const record = (spec: RecordSpec, one: string) => (offset: number) => {
      const { name, isOwners } = fieldAt(spec, offset % spec.words);
      return { field: name, of: `${one} ${Math.floor(offset / spec.words)}`, isOwners };
    };
    const slots = record(SLOT, 'slot');
    this.tables = [
      { start: region.header, name: record(HEADER, 'header') },
      { start: region.slotWord(1), name: (offset) => slots(offset + SLOT.words) },
      {
        start: region.transferWord(1, Classes.FIRST_MID),
        name: (offset) => ({ field: 'transfer slot', of: String(offset) }),
      },
      { start: region.bitmap + (region.baseSlice >>> 5), name: (offset) => ({ field: 'bitmap', of: String(offset) }) },
      {
        start: region.map + region.baseSlice,
        name: (offset) => ({ field: 'map', of: `slice ${offset + region.baseSlice}` }),
      },
      { start: region.slices + region.baseSlice * SLICE.words, name: record(SLICE, 'slice') },
      { start: region.bits + region.baseSlice * BIT_WORDS_PER_SLICE, name: bitsName },
      { start: (region.firstSlice * 4096) / 4, name: (offset) => this.behindTables(offset) },
    ];
  }

  private entry(word: number): WordName & { isOwners?: boolean } {
    const table = this.tables.findLast(({ start }) => start <= word)!;
    return table.name(word - table.start);
  }

  /** A slice behind the tables: if it is a control block, the field of the cache record. */
  private behindTables(offset: number): WordName & { isOwners: boolean } {
    const inSlice = offset % 1024;
    const record = Math.floor(inSlice / this.cacheWords);
    const field = inSlice % this.cacheWords;
    const name = record <= Classes.COUNT && field < CACHE.words ? fieldAt(CACHE, field).name : 'CacheWord stack';
    return { field: name, of: `slice ${offset >>> 10} behind the tables, class ${record}`, isOwners: true };
  }

  isShared(word: number): boolean {
    return this.entry(word).isOwners !== true;
  }

  name(word: number): WordName {
    const { field, of } = this.entry(word);
    return { field, of };
  }
}

function bitsName(offset: number): WordName {
  return {
    field: offset % 2 === 0 ? 'live bits' : 'remote bits',
    of: `slice ${Math.floor(offset / BIT_WORDS_PER_SLICE)}`,
  };
}
