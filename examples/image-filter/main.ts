/** The program: `npm run start:image-filter -- in.png out.png --radius 3 --passes 2 --workers 2`. Without a file it paints one. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { PNG } from 'pngjs';
import { Heap } from 'sabmalloc';
import { createPool } from 'sabmalloc/piscina';
import { blurRows, paint, type Size } from './image.js';
import type * as tasks from './tasks.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    radius: { type: 'string', default: '3' },
    passes: { type: 'string', default: '2' },
    workers: { type: 'string', default: String(availableParallelism()) },
  },
});
const [input, output] = positionals.length > 1 ? positionals : [undefined, positionals.at(0)];
const [radius, passes, workers] = [values.radius, values.passes, values.workers].map(Number);
if (![radius, passes, workers].every((each) => Number.isInteger(each) && each > 0)) {
  console.error('image-filter: --radius, --passes and --workers are whole numbers of 1 or more');
  process.exit(2);
}

const print = (line: string): boolean => process.stdout.write(`${line}\n`);
const milliseconds = (since: number): string => `${(performance.now() - since).toFixed(0)} ms`;

const png = input === undefined ? undefined : PNG.sync.read(readFileSync(input));
const size: Size = { width: png?.width ?? 640, height: png?.height ?? 400 };
const { width, height } = size;
using heap = Heap.create({ maxBytes: 2 ** 26 + 20 * width * height, maxWorkers: 2 * workers + 2 });

/** An image in the heap, with what is to be filtered. */
function newImage(): Uint8Array {
  const pixels = heap.alloc(Uint8Array, 4 * width * height);
  if (png === undefined) paint(pixels, size);
  else pixels.set(png.data);
  return pixels;
}

/** Filters by the pool: each pass reads one image and writes the other. Returns the handle of the one written last. */
async function filter(images: readonly number[]): Promise<number> {
  const filename = new URL('./tasks.js', import.meta.url);
  await using pool = createPool<typeof tasks>(heap, { filename, minThreads: workers, maxThreads: workers });
  const parts = 4 * workers;
  for (let pass = 0; pass < passes; pass++) {
    const [source, target] = [images[pass % 2], images[(pass + 1) % 2]];
    const rows = Array.from({ length: parts }, (_, n) => {
      const [from, to] = [n, n + 1].map((edge) => Math.floor((edge * height) / parts));
      return pool.run('blur', { source, target, from, to, radius, ...size }, { holds: [source, target] });
    });
    await Promise.all(rows);
    print(`pass ${pass + 1} of ${passes}: ${height} rows in ${parts} parts by ${workers} workers`);
  }
  return images[passes % 2];
}

print(`${input ?? 'a painted image'}: ${width} by ${height} pixels, twice in the heap`);
const handles = [heap.share(newImage()), heap.share(newImage())];
let start = performance.now();
const result = heap.open<Uint8Array>(await filter(handles));
print(`${workers} workers took ${milliseconds(start)}, their start included`);

start = performance.now();
let [source, target] = [newImage(), newImage()];
for (let pass = 0; pass < passes; pass++) {
  blurRows(source, target, size, 0, height, radius);
  [source, target] = [target, source];
}
print(`one thread took ${milliseconds(start)}`);
const isSame = result.every((byte, i) => byte === source[i]);
print(isSame ? 'both made the same image' : 'the images differ');

if (output !== undefined) {
  const image = new PNG(size);
  image.data.set(result);
  writeFileSync(output, PNG.sync.write(image));
  print(`written to ${output}`);
}
heap.freeMany([source, target]);
for (const handle of handles) heap.release(handle);
heap.check();
print(`live blocks: ${heap.stats().liveBlocks}`);
if (!isSame || heap.stats().liveBlocks > 0) process.exitCode = 1;
