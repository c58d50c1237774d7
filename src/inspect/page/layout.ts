import { SEGMENT_SLICES } from '../model.js';

/** How the map of a region is laid out: a square for each segment, in it a cell for one or several slices. */
export interface MapLayout {
  readonly slicesPerCell: number;
  readonly cellPixels: number;
  /** Cells on an edge of a segment's square. */
  readonly edgeCells: number;
  readonly segmentsPerRow: number;
  /** Height of the label above each square, 0 for none. */
  readonly labelPixels: number;
  readonly stepX: number;
  readonly stepY: number;
  readonly firstSegment: number;
  readonly segments: number;
  readonly height: number;
}

/** Between two squares; half of it between small ones. */
const GAP = 8;
const LABEL_PIXELS = 15;
/** A square narrower than this has no room for an address above it. */
const LABELLED_FROM_PIXELS = 84;

/** From the finest to the coarsest. */
const CHOICES: readonly (readonly [slicesPerCell: number, cellPixels: readonly number[]])[] = [
  [1, [20, 17, 14, 12, 10, 9, 8, 7, 6, 5, 4]],
  [4, [7, 6, 5, 4]],
  [16, [6, 5, 4]],
  [64, [5, 4, 3]],
];

/** The finest layout that is as wide and at most as high as wished; the coarsest if none is. */
export function layOut(baseSlice: number, limitSlice: number, width: number, heightMost: number): MapLayout {
  let layout: MapLayout | undefined;
  for (const [slicesPerCell, sizes] of CHOICES)
    for (const cellPixels of sizes) {
      layout = layoutOf(slicesPerCell, cellPixels, baseSlice, limitSlice, width);
      if (layout.height <= heightMost && layout.edgeCells * cellPixels <= width) return layout;
    }
  return layout!;
}

function layoutOf(slicesPerCell: number, cellPixels: number, base: number, limit: number, width: number): MapLayout {
  const edgeCells = Math.sqrt(SEGMENT_SLICES / slicesPerCell);
  const firstSegment = Math.floor(base / SEGMENT_SLICES);
  const segments = Math.max(1, Math.ceil(limit / SEGMENT_SLICES) - firstSegment);
  const side = edgeCells * cellPixels;
  const labelPixels = side >= LABELLED_FROM_PIXELS ? LABEL_PIXELS : 0;
  const gap = labelPixels > 0 ? GAP : GAP / 2;
  const segmentsPerRow = Math.max(1, Math.floor((width + gap) / (side + gap)));
  // A region that ends within its only segment needs no whole square.
  const only = Math.ceil((limit - firstSegment * SEGMENT_SLICES) / slicesPerCell / edgeCells) * cellPixels;
  const lastHeight = segments === 1 ? only : side;
  const stepY = side + labelPixels + gap;
  const rows = Math.ceil(segments / segmentsPerRow);
  const height = (rows - 1) * stepY + labelPixels + lastHeight + 2;
  const stepX = side + gap;
  return {
    slicesPerCell,
    cellPixels,
    edgeCells,
    segmentsPerRow,
    labelPixels,
    stepX,
    stepY,
    firstSegment,
    segments,
    height,
  };
}

/** Where the cell of a slice is drawn. */
export function placeOf(layout: MapLayout, slice: number): { readonly x: number; readonly y: number } {
  const segment = Math.floor(slice / SEGMENT_SLICES) - layout.firstSegment;
  const cell = Math.floor((slice % SEGMENT_SLICES) / layout.slicesPerCell);
  return {
    x: (segment % layout.segmentsPerRow) * layout.stepX + (cell % layout.edgeCells) * layout.cellPixels + 1,
    y:
      Math.floor(segment / layout.segmentsPerRow) * layout.stepY +
      layout.labelPixels +
      Math.floor(cell / layout.edgeCells) * layout.cellPixels +
      1,
  };
}

/** The first slice of the cell at a point; undefined between the squares. */
export function sliceAt(layout: MapLayout, x: number, y: number): number | undefined {
  const column = Math.floor((x - 1) / layout.stepX);
  const row = Math.floor((y - 1) / layout.stepY);
  const across = Math.floor((x - 1 - column * layout.stepX) / layout.cellPixels);
  const down = Math.floor((y - 1 - row * layout.stepY - layout.labelPixels) / layout.cellPixels);
  const isInside = [across, down].every((cells) => cells >= 0 && cells < layout.edgeCells);
  if (!isInside || column < 0 || column >= layout.segmentsPerRow || row < 0) return undefined;
  const segment = row * layout.segmentsPerRow + column;
  if (segment >= layout.segments) return undefined;
  return (layout.firstSegment + segment) * SEGMENT_SLICES + (down * layout.edgeCells + across) * layout.slicesPerCell;
}
