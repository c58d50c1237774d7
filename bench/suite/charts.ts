import { Error as LogErrors, logger, parse, scheme, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { type MemoryTrack } from './memory.js';
import { type SuiteRow } from './run.js';

const MIB = 2 ** 20;

/** Charts beside each other in a figure. */
const COLUMNS = 2;
const WIDTH = 330;

const OWN_COLOR = '#c2410c';
const RIVAL_COLOR = '#475569';

const CONFIG: NonNullable<TopLevelSpec['config']> = {
  font: 'system-ui, sans-serif',
  axis: { labelFontSize: 12, titleFontSize: 12, titleFontWeight: 'normal', gridColor: '#e4e4e4' },
  header: { labelFontSize: 13, labelFontWeight: 'bold', title: null },
  legend: { labelFontSize: 12, labelLimit: 240, title: null, orient: 'top' },
  view: { stroke: null },
};

async function svgOf(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec, { config: CONFIG, logger: logger(LogErrors) }).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

const speedsOf = (rows: readonly SuiteRow[]): object[] =>
  rows.flatMap(({ title, series, workers, candidates }) =>
    candidates.map(({ name, mops }, i) => ({ title, series, workers, name, own: i === 0, ...mops })),
  );

/** A dot for each candidate and a line from its slowest run to its fastest: bars would need a zero, which a log scale lacks. */
export function speedChart(rows: readonly SuiteRow[]): Promise<string> {
  const y = { field: 'name', type: 'nominal', title: null, sort: { field: 'median', order: 'descending' } } as const;
  const color = {
    field: 'own',
    type: 'nominal',
    scale: { domain: [true, false], range: [OWN_COLOR, RIVAL_COLOR] },
    legend: null,
  } as const;
  const x = { type: 'quantitative', scale: { type: 'log' }, title: 'million operations a second' } as const;
  return svgOf({
    data: { values: speedsOf(rows) },
    facet: { field: 'title', type: 'nominal', sort: rows.map(({ title }) => title) },
    columns: COLUMNS,
    resolve: { scale: { x: 'independent', y: 'independent' } },
    spec: {
      width: WIDTH,
      height: { step: 20 },
      layer: [
        {
          mark: { type: 'rule', strokeWidth: 2 },
          encoding: { y, color, x: { field: 'min', ...x }, x2: { field: 'max' } },
        },
        { mark: { type: 'point', filled: true, size: 60 }, encoding: { y, color, x: { field: 'median', ...x } } },
        {
          mark: { type: 'text', align: 'left', dx: 8, fontSize: 11 },
          encoding: { y, x: { field: 'max', ...x }, text: { field: 'median', format: '.3~r' } },
        },
      ],
    },
  });
}

/** Lines over the number of workers, for benches that ran on several numbers. */
export function workersChart(rows: readonly SuiteRow[]): Promise<string> {
  const counts = [...new Set(rows.map(({ workers }) => workers))].sort((a, b) => a - b);
  // Ours comes first in each row, and so in the legend.
  const names = [...new Set(rows.flatMap(({ candidates }) => candidates.map(({ name }) => name)))];
  const colors = [OWN_COLOR, ...(scheme('tableau20') as string[])].slice(0, names.length);
  return svgOf({
    data: { values: speedsOf(rows) },
    facet: { field: 'series', type: 'nominal', sort: [...new Set(rows.map(({ series }) => series ?? ''))] },
    columns: COLUMNS,
    resolve: { scale: { y: 'independent' } },
    spec: {
      width: WIDTH,
      height: 200,
      mark: { type: 'line', point: true },
      encoding: {
        x: { field: 'workers', type: 'quantitative', title: 'workers', axis: { values: counts, format: 'd' } },
        y: { field: 'median', type: 'quantitative', scale: { type: 'log' }, title: 'million operations a second' },
        color: { field: 'name', type: 'nominal', scale: { domain: names, range: colors }, legend: { columns: 6 } },
        strokeWidth: { field: 'own', type: 'nominal', scale: { domain: [true, false], range: [4, 1.5] }, legend: null },
      },
    },
  });
}

/** Bytes held against bytes asked for, over the events of each trace. */
export function memoryChart(tracks: readonly MemoryTrack[]): Promise<string> {
  const live = tracks.filter((track, i) => tracks.findIndex(({ trace }) => trace === track.trace) === i);
  const values = [
    ...live.flatMap(({ trace, samples }) =>
      samples.map(({ events, liveBytes }) => ({ trace, events, what: 'live', mib: liveBytes / MIB })),
    ),
    ...tracks.flatMap(({ trace, preset, samples }) =>
      samples.map(({ events, committedBytes }) => ({
        trace,
        events,
        what: `committed, ${preset}`,
        mib: committedBytes / MIB,
      })),
    ),
  ];
  return svgOf({
    data: { values },
    facet: { field: 'trace', type: 'nominal' },
    columns: COLUMNS,
    resolve: { scale: { x: 'independent', y: 'independent' } },
    spec: {
      width: WIDTH,
      height: 200,
      mark: { type: 'line', interpolate: 'step-after' },
      encoding: {
        x: { field: 'events', type: 'quantitative', title: 'events', axis: { format: '~s', tickCount: 5 } },
        y: { field: 'mib', type: 'quantitative', title: 'MiB' },
        color: { field: 'what', type: 'nominal', scale: { range: [OWN_COLOR, '#f59e0b', RIVAL_COLOR] } },
      },
    },
  });
}
