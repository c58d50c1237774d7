import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, describe, expect, it } from 'vitest';

interface Output {
  readonly exitCode: number;
  readonly lines: readonly string[];
  readonly stderr: string;
}

function run(example: string, ...args: readonly string[]): Promise<Output> {
  const program = resolve(import.meta.dirname, `../build/examples/${example}/main.js`);
  return new Promise((done) => {
    const child = execFile(process.execPath, [program, ...args], { timeout: 50_000 }, (_error, stdout, stderr) =>
      done({ exitCode: child.exitCode ?? -1, lines: stdout.trimEnd().split('\n'), stderr }),
    );
  });
}

const folder = mkdtempSync(join(tmpdir(), 'sabmalloc-examples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('examples/particles', () => {
  it.each([1, 3])('%i workers come to what one thread does, and say how far they are', async (workers) => {
    const args = ['--particles', '1001', '--steps', '70', '--workers', String(workers)];
    const { exitCode, lines, stderr } = await run('particles', ...args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(lines.filter((line) => /^worker \d: .* step (50|70) of 70$/.test(line))).toHaveLength(2 * workers);
    // Of 1001 particles and 70 steps, whoever makes them.
    expect(lines.at(-2)).toBe(`checksums: 412823b3 by ${workers} workers, 412823b3 by one thread`);
    expect(lines.at(-1)).toBe('live blocks: 0');
  });
});

describe('examples/image-filter', () => {
  /** Each byte the mean of its neighbours, in one pass, in the plainest way. */
  function blurred({ width, height, data }: PNG): number[] {
    return Array.from(data, (_, i) => {
      const [x, y, channel] = [(i >> 2) % width, Math.floor((i >> 2) / width), i & 3];
      const near = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [x + dx, y + dy]));
      const inside = near.filter(([nx, ny]) => nx >= 0 && nx < width && ny >= 0 && ny < height);
      const sum = inside.reduce((total, [nx, ny]) => total + data[4 * (ny * width + nx) + channel], 0);
      return Math.floor(sum / inside.length);
    });
  }

  it('blurs a file', async () => {
    const [source, target] = ['in.png', 'out.png'].map((name) => join(folder, name));
    const image = new PNG({ width: 37, height: 23 });
    image.data.forEach((_, i) => (image.data[i] = i % 4 === 3 ? 255 : (i * 7919) % 256));
    writeFileSync(source, PNG.sync.write(image));
    const args = [source, target, '--radius', '1', '--passes', '1', '--workers', '2'];
    const { exitCode, lines, stderr } = await run('image-filter', ...args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect([...PNG.sync.read(readFileSync(target)).data]).toEqual(blurred(image));
    expect(lines).toContain('both made the same image');
    expect(lines.at(-1)).toBe('live blocks: 0');
  });

  it('paints an image if it is given none', async () => {
    const { exitCode, lines } = await run('image-filter', '--radius', '1');
    expect(exitCode).toBe(0);
    expect(lines.filter((line) => /^pass \d of 2: 400 rows/.test(line))).toHaveLength(2);
  });
});

describe('examples/arrow', () => {
  it('reads with Arrow what another worker wrote, in place', async () => {
    const { exitCode, lines, stderr } = await run('arrow', '--rows', '1000');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const reading = (sum: number, price: number): string =>
      `reader: prices add up to ${sum}; 4 of 4 buffers are the heap's; row 7 is {"id": 7, "price": ${price}, "name": "product 7"}`;
    expect(lines).toEqual([
      'builder: 1000 rows in 4 blocks of the heap',
      reading(124_875, 1.75),
      'builder: the price in row 7 is 1000 now',
      reading(125_873.25, 1000),
      'live blocks: 0',
      'nothing was copied',
    ]);
  });
});

it.each([
  ['particles', '--workers', 'many'],
  ['image-filter', '--radius', '0'],
  ['arrow', '--rows', '1'],
])('%s explains %s %s', async (example, flag, value) => {
  const { exitCode, lines, stderr } = await run(example, flag, value);
  expect(stderr).toMatch(/whole number/);
  expect({ exitCode, lines }).toEqual({ exitCode: 2, lines: [''] });
});
