import { hexText } from '../../config/index.js';
import { type HeapModel, SEGMENT_SLICES } from '../model.js';
import { type ColourBy, Palette, STATES } from './colours.js';
import { hideTip, prepare, showTip } from './dom.js';
import { layOut, type MapLayout, placeOf, sliceAt } from './layout.js';
import { cellText } from './words.js';

const HEIGHT_MOST = 660;

/** What is marked on the map. */
export interface Marks {
  /** Row of the run that is looked at, -1 for none. */
  readonly row: number;
  /** Slice of the address that was searched, -1 for none. */
  readonly slice: number;
}

/** The map of the region: a cell for every slice, or for several where there are too many. */
export class MapView {
  private model!: HeapModel;
  private layout!: MapLayout;
  private by: ColourBy = 'state';
  private marks: Marks = { row: -1, slice: -1 };
  private cursor = -1;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly said: HTMLElement,
    private readonly choose: (slice: number) => void,
  ) {
    canvas.addEventListener('pointermove', (event) => this.hover(event));
    canvas.addEventListener('pointerleave', hideTip);
    canvas.addEventListener('click', (event) => {
      const slice = this.sliceUnder(event);
      if (slice !== undefined) choose(slice);
    });
    canvas.addEventListener('keydown', (event) => this.key(event));
    canvas.addEventListener('blur', () => {
      this.cursor = -1;
      this.draw();
    });
  }

  show(model: HeapModel, by: ColourBy, marks: Marks): void {
    this.model = model;
    this.by = by;
    this.marks = marks;
    this.draw();
  }

  /** Slices of one cell, as it is drawn now. */
  get slicesPerCell(): number {
    return this.layout.slicesPerCell;
  }

  /** Segments that hold nothing but tables aren't drawn: the tables of a large region are long, and hardly touched. */
  get firstDrawn(): number {
    const { baseSlice, firstSlice } = this.model.snapshot;
    const segment = Math.floor(firstSlice / SEGMENT_SLICES) * SEGMENT_SLICES;
    return Math.max(segment, Math.floor(baseSlice / SEGMENT_SLICES) * SEGMENT_SLICES);
  }

  draw(): void {
    const { limitSlice } = this.model.snapshot;
    const { firstDrawn } = this;
    const layout = layOut(firstDrawn, limitSlice, this.canvas.clientWidth, HEIGHT_MOST);
    this.layout = layout;
    const context = prepare(this.canvas, layout.height);
    const palette = new Palette(this.model);
    this.drawLabels(context, palette);
    const size = layout.cellPixels - (layout.cellPixels > 4 ? 1 : 0);
    for (let slice = firstDrawn; slice < limitSlice; slice += layout.slicesPerCell) {
      const { x, y } = placeOf(layout, slice);
      if (this.by === 'state') this.stack(context, palette, slice, x, y, size);
      else {
        context.fillStyle = this.colourOf(palette, slice);
        context.fillRect(x, y, size, size);
      }
    }
    this.drawMarks(context, palette);
  }

  private drawLabels(context: CanvasRenderingContext2D, palette: Palette): void {
    const { labelPixels, firstSegment, segments } = this.layout;
    if (labelPixels === 0) return;
    context.fillStyle = palette.soft;
    context.font = '11px system-ui, sans-serif';
    for (let segment = firstSegment; segment < firstSegment + segments; segment++) {
      const slice = segment * SEGMENT_SLICES;
      const { x, y } = placeOf(this.layout, slice);
      context.fillText(hexText(slice * this.model.snapshot.sliceBytes), x, y - 5);
    }
  }

  /** Fills a cell from its bottom with what the slices hold, like a glass. */
  private stack(
    context: CanvasRenderingContext2D,
    palette: Palette,
    slice: number,
    x: number,
    y: number,
    size: number,
  ): void {
    const mix = this.model.mixOf(slice, this.layout.slicesPerCell);
    context.fillStyle = palette.unused;
    context.fillRect(x, y, size, size);
    let below = 0;
    STATES.forEach(([state], place) => {
      if (mix[state] === 0) return;
      const from = (below / mix.granules) * size;
      below += mix[state];
      const to = (below / mix.granules) * size;
      context.fillStyle = palette.states[place];
      context.fillRect(x, y + size - to, size, to - from);
    });
  }

  /** Of several slices the first that is in use gives the colour. */
  private colourOf(palette: Palette, slice: number): string {
    const { runs } = this.model.snapshot;
    for (let at = slice; at < slice + this.layout.slicesPerCell; at++) {
      const use = this.model.useOf(at);
      if (use === 'none') continue;
      if (use === 'tables' || (use === 'control' && this.by === 'class')) return palette.metadata;
      const row = this.model.rowAt(at);
      return this.by === 'class' ? palette.ofClass(runs.class[row]) : palette.ofOwner(runs.owner[row]);
    }
    return palette.unused;
  }

  private drawMarks(context: CanvasRenderingContext2D, palette: Palette): void {
    const { runs } = this.model.snapshot;
    const { row, slice } = this.marks;
    context.lineWidth = 2;
    context.strokeStyle = palette.text;
    if (row >= 0) this.outline(context, runs.start[row], runs.slices[row]);
    context.strokeStyle = palette.mark;
    if (slice >= this.firstDrawn) this.outline(context, slice, 1);
    if (this.cursor < 0) return;
    context.setLineDash([3, 2]);
    this.outline(context, this.cursor, 1);
    context.setLineDash([]);
  }

  /** A line around the cells of so many slices: an edge wherever the neighbour isn't one of them. */
  private outline(context: CanvasRenderingContext2D, slice: number, count: number): void {
    const { slicesPerCell, cellPixels, edgeCells } = this.layout;
    const first = Math.floor(slice / slicesPerCell);
    const end = Math.ceil((slice + count) / slicesPerCell);
    const cells = edgeCells * edgeCells;
    context.beginPath();
    for (let cell = first; cell < end; cell++) {
      const { x, y } = placeOf(this.layout, cell * slicesPerCell);
      const [left, top, right, bottom] = [x - 1, y - 1, x + cellPixels, y + cellPixels];
      const place = cell % cells;
      const isIn = (by: number): boolean =>
        cell + by >= first && cell + by < end && place + by >= 0 && place + by < cells;
      const line = (x1: number, y1: number, x2: number, y2: number): void => {
        context.moveTo(x1, y1);
        context.lineTo(x2, y2);
      };
      if (place % edgeCells === 0 || !isIn(-1)) line(left, top, left, bottom);
      if (place % edgeCells === edgeCells - 1 || !isIn(1)) line(right, top, right, bottom);
      if (!isIn(-edgeCells)) line(left, top, right, top);
      if (!isIn(edgeCells)) line(left, bottom, right, bottom);
    }
    context.stroke();
  }

  private sliceUnder(event: MouseEvent): number | undefined {
    const { baseSlice, limitSlice } = this.model.snapshot;
    const slice = sliceAt(this.layout, event.offsetX, event.offsetY);
    if (slice === undefined || slice >= limitSlice) return undefined;
    return slice + this.layout.slicesPerCell > baseSlice ? Math.max(slice, baseSlice) : undefined;
  }

  private hover(event: PointerEvent): void {
    const slice = this.sliceUnder(event);
    if (slice === undefined) hideTip();
    else showTip(cellText(this.model, slice, this.layout.slicesPerCell), event.clientX, event.clientY);
  }

  private key(event: KeyboardEvent): void {
    const { slicesPerCell, edgeCells } = this.layout;
    const { limitSlice } = this.model.snapshot;
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: -slicesPerCell,
      ArrowRight: slicesPerCell,
      ArrowUp: -slicesPerCell * edgeCells,
      ArrowDown: slicesPerCell * edgeCells,
      PageUp: -SEGMENT_SLICES,
      PageDown: SEGMENT_SLICES,
      Home: -limitSlice,
      End: limitSlice,
    };
    if (event.key === 'Enter' && this.cursor >= 0) this.choose(this.cursor);
    if (!(event.key in steps)) return;
    event.preventDefault();
    const from = this.cursor < 0 ? Math.max(this.firstDrawn, this.marks.slice) : this.cursor + steps[event.key];
    this.cursor = Math.min(limitSlice - 1, Math.max(this.firstDrawn, from));
    this.said.textContent = cellText(this.model, this.cursor, slicesPerCell);
    this.draw();
  }
}
