import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Heap, type Learned } from 'sabmalloc';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { Knob, LearningLog, LOG_HEADER } from '../../src/learning/log.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';

const create = heapsOfTest();
const place = mkdtempSync(join(tmpdir(), 'sabmalloc-learned-'));
const path = join(place, 'log.csv');
afterAll(() => {
  rmSync(place, { recursive: true, force: true });
});

/** Allocates in waves, so that there is something to learn. */
function busy(heap: Heap): Heap {
  for (let wave = 0; wave < 8; wave++) heap.freeMany(heap.mallocMany(64, 2000));
  heap.mallocMany(4096, 2000);
  return heap;
}

const rowsIn = (text: string): string[][] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));

describe('learned()', () => {
  it('says what the options say where nothing is learned', () => {
    const heap = create({ cacheCapacity: 50, refillMaxHot: 20, emptySlabsKept: 3 });
    heap.malloc(64);
    expect(heap.learned()).toEqual({
      trimShare: 1 / 16,
      droppedRows: 0,
      classes: [
        {
          class: 4,
          blockBytes: 64,
          cacheMisses: 1,
          cacheSpills: 0,
          capacityBlocks: 50,
          refillBlocks: 20,
          emptySlabsKept: 3,
        },
      ],
    });
  });

  it('says what was learned', () => {
    const [fixed, learning] = [create(), create({ learnCaches: true, learnMemory: true })].map(busy);
    const capacities = ({ classes }: Learned): number[] => classes.map(({ capacityBlocks }) => capacityBlocks);
    // Blocks of 64 bytes came in waves, those of 4 KiB stayed.
    expect(capacities(fixed.learned())).toEqual([164, 48]);
    expect(capacities(learning.learned())).toEqual([164, 12]);
    expect(learning.learned().trimShare).toBe(1 / 8);
  });

  it('refuses a heap that was left', () => {
    const heap = create();
    heap.detach();
    refused('ERR_HEAP_DETACHED', () => heap.learned());
  });
});

describe('learnLog', () => {
  it('holds a row for each time a knob was turned, up to where it stands', () => {
    const heap = busy(create({ learnCaches: true, learnMemory: true, learnLog: path }));
    expect(readFileSync(path, 'utf8')).toBe(LOG_HEADER);
    const { classes } = heap.learned();
    heap.collect();
    const [head, ...rows] = rowsIn(readFileSync(path, 'utf8'));
    expect(head).toEqual('refills class learner knob from to misses spills dropped'.split(' '));
    for (const row of rows) {
      expect(row).toHaveLength(head.length);
      expect(['caches capacity', 'caches refill', 'memory emptySlabsKept', 'memory trimShift']).toContain(
        `${row[2]} ${row[3]}`,
      );
      expect(row[4]).not.toBe(row[5]);
    }
    const ofClass4 = rows.filter(([, id, , knob]) => id === '4' && knob === 'capacity');
    expect(ofClass4.length).toBeGreaterThan(1);
    for (let i = 1; i < ofClass4.length; i++) expect(ofClass4[i][4]).toBe(ofClass4[i - 1][5]);
    expect(Number(ofClass4.at(-1)?.[5])).toBe(classes[0].capacityBlocks);
    busy(heap).detach();
    expect(rowsIn(readFileSync(path, 'utf8')).slice(0, rows.length + 1)).toEqual([head, ...rows]);
  });

  it('is empty where nothing learns', () => {
    busy(create({ learnLog: path })).detach();
    expect(readFileSync(path, 'utf8')).toBe(LOG_HEADER);
  });

  it('that cannot be written is an error before there is a heap', () => {
    const before = new SharedArrayBuffer(MIB);
    const learnLog = join(place, 'nowhere', 'log.csv');
    const error = refused('ERR_HEAP_CONFIG', () => create({ memory: before, learnCaches: true, learnLog }));
    expect(error.message).toMatch(/^option learnLog is ".*; give another path$/);
    expect(new Uint8Array(before).every((byte) => byte === 0)).toBe(true);
  });

  it('that cannot be written later costs the rows, not the call', () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const learnLog = join(mkdtempSync(join(place, 'gone-')), 'log.csv');
    const heap = busy(create({ learnCaches: true, learnLog }));
    rmSync(join(learnLog, '..'), { recursive: true });
    heap.collect();
    expect(heap.learned().droppedRows).toBeGreaterThan(0);
    expect(emitWarning.mock.calls).toEqual([[expect.stringContaining('rows are dropped'), { type: 'Warning' }]]);
    emitWarning.mockRestore();
  });

  it('drops rows that it has no room for, and counts them', () => {
    const log = new LearningLog();
    for (let i = 0; i < 5000; i++) log.add(i, 4, Knob.CAPACITY, i, i + 1, i, -1);
    let text = '';
    log.drain((lines) => (text += lines));
    log.add(5000, 0, Knob.TRIM_SHIFT, 4, 5, 0, 0);
    log.drain((lines) => (text += lines));
    log.drain(() => {
      throw new Error('there is nothing to write');
    });
    const rows = rowsIn(text);
    expect(rows).toHaveLength(4097);
    expect(rows[4095]).toEqual(['4095', '4', 'caches', 'capacity', '4095', '4096', '4095', '4294967295', '904']);
    expect(rows[4096]).toEqual(['5000', '0', 'memory', 'trimShift', '4', '5', '0', '0', '904']);
  });
});
