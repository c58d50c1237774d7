import { bytesText, countText } from '../../config/index.js';
import { type Picture, type Sample, type Timeline } from '../page-data.js';
import { hideTip, showTip, svg } from './dom.js';

const HEIGHT = 190;
const LEFT = 66;
const RIGHT = 14;
const TOP = 10;
const BOTTOM = 24;

/** Steps of an axis: 1, 2 or 5 times a power of ten, or for bytes a power of two; as many as there is room for. */
function ticks(most: number, count: number, isBytes: boolean): number[] {
  if (most <= 0) return [0];
  const rough = most / count;
  const power = isBytes ? 2 ** Math.ceil(Math.log2(rough)) : 10 ** Math.floor(Math.log10(rough));
  const step = isBytes ? power : power * ([1, 2, 5, 10].find((times) => power * times >= rough) ?? 10);
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, place) => place * step);
}

function atText(at: number, unit: Timeline['unit']): string {
  if (unit === 'events') return countText(Math.round(at));
  return at < 120 ? `${Number(at.toFixed(1))} s` : `${Number((at / 60).toFixed(1))} min`;
}

/** Committed and live bytes over time, with the moments of the pictures. */
export class TimelineView {
  constructor(private readonly place: HTMLElement) {}

  show(timeline: Timeline, pictures: readonly Picture[]): void {
    const { samples, unit } = timeline;
    const width = Math.max(260, this.place.clientWidth);
    const from = samples[0].at;
    const span = Math.max(samples[samples.length - 1].at - from, 1e-9);
    const most = 1.04 * Math.max(1, ...samples.map(({ committedBytes }) => committedBytes));
    const x = (at: number): number => LEFT + ((at - from) / span) * (width - LEFT - RIGHT);
    const y = (bytes: number): number => HEIGHT - BOTTOM - (bytes / most) * (HEIGHT - TOP - BOTTOM);
    const chart = svg('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, role: 'img' });
    chart.append(svg('title', {}, summary(samples)));
    for (const tick of ticks(most, 4, true)) {
      chart.append(svg('line', { x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick), stroke: 'var(--line)' }));
      chart.append(svg('text', { x: LEFT - 8, y: y(tick) + 4, 'text-anchor': 'end' }, bytesText(tick)));
    }
    for (const tick of ticks(span, width > 700 ? 8 : 3, false)) {
      const anchor = tick === 0 ? 'start' : x(from + tick) > width - 60 ? 'end' : 'middle';
      chart.append(svg('text', { x: x(from + tick), y: HEIGHT - 6, 'text-anchor': anchor }, atText(tick, unit)));
    }
    const line = (of: 'committedBytes' | 'liveBytes'): string =>
      samples.map((sample) => `${x(sample.at).toFixed(1)},${y(sample[of]).toFixed(1)}`).join(' ');
    const floor = `${x(samples[samples.length - 1].at)},${y(0)} ${x(from)},${y(0)}`;
    chart.append(
      svg('polygon', { points: `${line('liveBytes')} ${floor}`, fill: 'var(--live)', 'fill-opacity': 0.25 }),
    );
    chart.append(
      svg('polyline', { points: line('liveBytes'), fill: 'none', stroke: 'var(--live)', 'stroke-width': 2 }),
    );
    const committed = { points: line('committedBytes'), fill: 'none', stroke: 'var(--text)', 'stroke-width': 2 };
    chart.append(svg('polyline', committed));
    for (const { at } of pictures) if (at !== undefined) chart.append(marker(x(at)));
    this.follow(chart, timeline, width);
    this.place.replaceChildren(chart);
  }

  /** Shows the sample that is nearest to the pointer. */
  private follow(chart: SVGElement, { samples, unit }: Timeline, width: number): void {
    const from = samples[0].at;
    const span = samples[samples.length - 1].at - from;
    chart.addEventListener('pointermove', (event) => {
      const box = chart.getBoundingClientRect();
      const at = from + (((event.clientX - box.left) * (width / box.width) - LEFT) / (width - LEFT - RIGHT)) * span;
      const nearest = samples.reduce((best, each) => (Math.abs(each.at - at) < Math.abs(best.at - at) ? each : best));
      const { liveBytes, committedBytes, liveBlocks } = nearest;
      const lines = [
        `${unit === 'events' ? 'event' : 'after'} ${atText(nearest.at - from, unit)}`,
        `committed ${bytesText(committedBytes)}`,
        `live ${bytesText(liveBytes)} in ${countText(liveBlocks)} blocks`,
      ];
      showTip(lines.join('\n'), event.clientX, event.clientY);
    });
    chart.addEventListener('pointerleave', hideTip);
  }
}

const marker = (x: number): SVGElement =>
  svg('line', { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM, stroke: 'var(--mark)', 'stroke-dasharray': '3 3' });

function summary(samples: readonly Sample[]): string {
  const last = samples[samples.length - 1];
  const most = Math.max(...samples.map(({ committedBytes }) => committedBytes));
  return `Committed and live bytes over time: at the end ${bytesText(last.committedBytes)} and ${bytesText(last.liveBytes)}, at most ${bytesText(most)} committed.`;
}
