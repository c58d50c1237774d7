import { describe, expect, it } from 'vitest';
import { prometheusText, type HeapStats } from '../../src/report/index.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';

const create = heapsOfTest();

interface Parsed {
  readonly types: ReadonlyMap<string, string>;
  readonly values: ReadonlyMap<string, number>;
}

/** Reads the text as https://prometheus.io/docs/instrumenting/exposition_formats/ has it. */
function parse(text: string): Parsed {
  const types = new Map<string, string>();
  const helped = new Set<string>();
  const values = new Map<string, number>();
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.trimEnd().split('\n')) {
    const help = /^# HELP ([a-z_]+) .+\.$/.exec(line);
    const type = /^# TYPE ([a-z_]+) (counter|gauge)$/.exec(line);
    const row = /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+\})? (\d+(?:\.\d+)?(?:e-\d+)?)$/.exec(line);
    if (help) helped.add(help[1]);
    else if (type) {
      expect(helped.has(type[1]) && !types.has(type[1])).toBe(true);
      types.set(type[1], type[2]);
    } else {
      expect(row, line).not.toBeNull();
      const [, name, labels] = row as (string | undefined)[];
      const series = `${name}${labels ?? ''}`;
      expect(types.has(row![1]) && !values.has(series)).toBe(true);
      values.set(series, Number(row![3]));
    }
  }
  return { types, values };
}

function statsOfBusyHeap(): HeapStats {
  const heap = create({ maxBytes: 16 * MIB, profileLevel: 2 });
  heap.freeMany(heap.mallocMany(100, 300));
  heap.malloc(3000);
  heap.malloc(MIB);
  return heap.stats();
}

describe('Prometheus text', () => {
  it('parses, with one type and one help for each metric, and says what the statistics say', () => {
    const stats = statsOfBusyHeap();
    const { types, values } = parse(prometheusText(stats));
    expect(values.get('sabmalloc_live_bytes')).toBe(stats.liveBytes);
    expect(values.get('sabmalloc_fragmentation_ratio')).toBeCloseTo(stats.fragmentation, 12);
    for (const row of stats.classes) {
      const labels = `{class="${row.class}",block_bytes="${row.blockBytes}"}`;
      expect(values.get(`sabmalloc_class_frees_total${labels}`)).toBe(row.frees);
      expect(values.get(`sabmalloc_class_live_blocks${labels}`)).toBe(row.liveBlocks);
    }
    const [worker] = stats.workers;
    const labels = `{worker="${worker.workerId}",state="live"}`;
    expect(values.get(`sabmalloc_worker_cache_hits_total${labels}`)).toBe(worker.cacheHits);
    expect(values.get('sabmalloc_segment_live_bytes{address="0"}')).toBe(stats.segments[0].liveBytes);
    for (const [name, type] of types) expect(type === 'counter').toBe(name.endsWith('_total'));
  });

  it('has every number of the heap, or one it can be had from', () => {
    const stats = statsOfBusyHeap();
    const shown = new Set(parse(prometheusText(stats)).values.values());
    const { counters, ...rest } = stats;
    const numbers = { ...rest, ...counters, remoteFreesPending: 0, cachedBlocks: stats.workers[0].cachedBlocks };
    for (const [name, value] of Object.entries(numbers))
      if (typeof value === 'number') expect({ name, isShown: shown.has(value) }).toEqual({ name, isShown: true });
  });

  it('puts labels on every row, whatever is in them', () => {
    const { values } = parse(prometheusText(statsOfBusyHeap(), { heap: 'a "b"\\\nc' }));
    for (const series of values.keys()) expect(series).toContain('heap="a \\"b\\"\\\\\\nc"');
  });
});
