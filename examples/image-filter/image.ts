/** Images in the heap, four bytes a pixel, and the filter. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A picture to try the filter on: rings, stripes and noise. */
export function paint(pixels: Uint8Array, { width, height }: Size): void {
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const distance = Math.hypot(x - width / 2, y - height / 2);
      const noise = (Math.imul(x, 2654435761) ^ Math.imul(y, 40503)) & 63;
      pixels.set([distance % 32 < 16 ? 220 : 40, x % 48 < 24 ? 200 : 60, 128 + noise, 255], 4 * (y * width + x));
    }
}

/** Rows `from` to before `to` of `target`: each byte the mean of those of `source` within `radius` pixels. */
export function blurRows(
  source: Uint8Array,
  target: Uint8Array,
  size: Size,
  from: number,
  to: number,
  radius: number,
): void {
  const { width, height } = size;
  for (let y = from; y < to; y++) {
    const [top, bottom] = [Math.max(0, y - radius), Math.min(height - 1, y + radius)];
    for (let x = 0; x < width; x++) {
      const [left, right] = [Math.max(0, x - radius), Math.min(width - 1, x + radius)];
      const area = (bottom - top + 1) * (right - left + 1);
      for (let channel = 0; channel < 4; channel++) {
        let sum = 0;
        for (let row = top; row <= bottom; row++)
          for (let column = left; column <= right; column++) sum += source[4 * (row * width + column) + channel];
        target[4 * (y * width + x) + channel] = sum / area;
      }
    }
  }
}
