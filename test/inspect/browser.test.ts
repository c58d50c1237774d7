/// <reference lib="dom" />
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type HeapSnapshot } from 'sabmalloc';
import { findAddress, HeapModel, pageOf, pageOfSnapshots, type PageData } from 'sabmalloc/inspect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GIB, heapsOfTest, MIB } from '../kit/heaps.js';
import { Random } from '../kit/random.js';
import { workersOfTest } from '../kit/workers.js';
import { stir } from './kit.js';

const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = candidates.find((path) => path !== undefined && existsSync(path));
/** With this variable the pages that are looked at are left there as pictures; docs/figures/inspect.png is one of them. */
const pictures = process.env.SABTEST_PICTURES;

const create = heapsOfTest();
const workers = workersOfTest();

if (executablePath === undefined) {
  const why = 'no Chromium at CHROMIUM or under /usr/bin: the inspect page was not looked at in a browser';
  process.stderr.write(`skipped: ${why}\n`);
  it.skip(why, () => {});
}

const place = mkdtempSync(join(tmpdir(), 'sabmalloc-browser-'));
afterAll(() => {
  rmSync(place, { recursive: true, force: true });
});

/** A heap of four workers, one of which has left, with blocks that others freed. */
async function busyHeap(): Promise<HeapSnapshot[]> {
  const heap = create({ maxBytes: 128 * MIB });
  const others = await workers.agents(heap, 3);
  const random = new Random(5);
  const series = [heap.snapshot()];
  stir(heap, random, [], 1500);
  series.push(heap.snapshot());
  for (const [place, other] of others.entries()) {
    const small = await other.call<[number, number][]>('allocate', 1500, 16, 900, 10 + place, 1);
    const blocks = await other.call<[number, number][]>('allocate', 90, 16, 90_000, 20 + place, 1);
    series.push(heap.snapshot());
    const addresses = random.shuffle([...small, ...blocks].map(([address]) => address));
    await other.call('freeAll', addresses.slice(0, 350));
    for (const address of addresses.slice(350, 600)) heap.free(address);
    series.push(heap.snapshot());
  }
  await others[1].heap('detach');
  series.push(heap.snapshot());
  return series.map((snapshot, second) => ({ ...snapshot, takenAt: 1e12 + 1000 * second }));
}

/** Boxes of visible texts that lie over each other although neither is inside the other. */
function overlaps(): string[] {
  const leaves = [...document.querySelectorAll('h1, h2, h3, dt, dd, label, legend, li, td, th, p, text, button')];
  const boxes = leaves
    .filter((each) => each.getClientRects().length > 0 && each.closest('.unseen') === null)
    .map((each) => ({ each, box: each.getBoundingClientRect(), name: each.textContent }));
  return boxes.flatMap(({ each, box, name }, i) =>
    boxes
      .slice(i + 1)
      .filter(({ each: other }) => !each.contains(other) && !other.contains(each))
      .filter(
        ({ box: { left, right, top, bottom } }) =>
          Math.min(right, box.right) - Math.max(left, box.left) > 1 &&
          Math.min(bottom, box.bottom) - Math.max(top, box.top) > 1,
      )
      .map((other) => `${name} / ${other.name}`),
  );
}

/** Colours of the points of a canvas. */
function coloursOf(selector: string): number {
  const canvas = document.querySelector<HTMLCanvasElement>(selector)!;
  const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}

interface Looks {
  readonly colorScheme?: 'light' | 'dark';
  readonly width?: number;
}

describe.skipIf(executablePath === undefined)('in a browser', () => {
  let browser: Browser;
  let series: HeapSnapshot[];
  let snapshot: HeapSnapshot;
  let model: HeapModel;
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
    series = await busyHeap();
    snapshot = series.at(-1)!;
    model = new HeapModel(snapshot);
  });
  afterAll(() => browser.close());

  async function open(url: string, { colorScheme = 'light', width = 1400 }: Looks = {}): Promise<Page> {
    const page = await browser.newPage({ colorScheme, viewport: { width, height: 1000 } });
    const allowed = new URL(url).origin === 'null' ? 'file:' : url;
    page.on('request', (request) => {
      if (!request.url().startsWith(allowed)) complaints.push(`asked for ${request.url()}`);
    });
    // Warnings are of how the test looks at a canvas.
    page.on('console', (message) => {
      if (message.type() !== 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(url);
    return page;
  }

  async function show(data: PageData, looks?: Looks): Promise<Page> {
    const file = join(place, 'page.html');
    writeFileSync(file, pageOf(data));
    return open(pathToFileURL(file).href, looks);
  }

  async function search(page: Page, text: string): Promise<string | null> {
    await page.fill('#address', text);
    await page.press('#address', 'Enter');
    return page.textContent('#answer');
  }

  async function keep(page: Page, name: string, fullPage = true): Promise<void> {
    if (pictures !== undefined) await page.screenshot({ path: join(pictures, `${name}.png`), fullPage });
    await page.close();
    expect(complaints.splice(0)).toEqual([]);
  }

  const data = (): PageData =>
    pageOfSnapshots(series.map((each, second) => ({ label: `after ${second} s`, snapshot: each })));

  it.each<Required<Looks>>([
    { colorScheme: 'light', width: 1400 },
    { colorScheme: 'dark', width: 1400 },
    { colorScheme: 'light', width: 390 },
    { colorScheme: 'dark', width: 700 },
  ])('the page is whole: $colorScheme, $width pixels wide', async (looks) => {
    const page = await show(data(), looks);
    const row = snapshot.runs.class.findIndex((each, i) => each === 8 && snapshot.runs.cached[i] > 3);
    await search(page, `0x${(model.startAddress(row) + 128).toString(16)}`);
    expect(await page.evaluate(overlaps)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(looks.width);
    for (const by of ['state', 'class', 'owner']) {
      await page.check(`input[value=${by}]`);
      expect(await page.evaluate(coloursOf, '#map')).toBeGreaterThan(4);
      expect(await page.locator('#keys li').count()).toBeGreaterThan(3);
    }
    await page.check('input[value=state]');
    expect(await page.evaluate(coloursOf, '#blocks')).toBeGreaterThan(2);
    await keep(page, `inspect-${looks.colorScheme}-${looks.width}`);
  });

  it('offers every snapshot of a series, the last one first', async () => {
    const page = await show(data());
    const blocks = (): Promise<string | null> => page.textContent('#cards small');
    const shown = new Intl.NumberFormat('en-GB').format(snapshot.stats.liveBlocks);
    expect(await blocks()).toBe(`${shown} blocks`);
    expect(await page.locator('#timeline line[stroke-dasharray]').count()).toBe(series.length);
    await page.selectOption('#pictures', '0');
    expect(await blocks()).toBe('0 blocks');
    await keep(page, 'series');
  });

  it('a search answers as findAddress does, marks the place, and shows its slab', async () => {
    const page = await show(data());
    for (const row of [...snapshot.runs.start.keys()].filter((each) => each % 40 === 0)) {
      const address = model.startAddress(row) + 17;
      expect(await search(page, String(address))).toBe(findAddress(model, address).text);
    }
    expect(await search(page, 'here')).toMatch(/^Write an address/);
    const row = snapshot.runs.class.findIndex((each, i) => each === 4 && snapshot.runs.remote[i] > 3);
    await search(page, String(model.startAddress(row) + 7 * 64));
    expect(await page.locator('#detail .facts dt').count()).toBe(5);
    await keep(page, 'inspect', false);
  });

  it('tells what is under the pointer, and under the keys', async () => {
    const page = await show(data());
    await page.hover('#map', { position: { x: 200, y: 30 } });
    expect(await page.textContent('#tip')).toMatch(/slice at 0x[\da-f]+$/);
    await page.focus('#map');
    const said: (string | null)[] = [];
    for (const key of ['Home', 'ArrowRight', 'ArrowDown', 'PageDown', 'End']) {
      await page.keyboard.press(key);
      said.push(await page.textContent('#said'));
    }
    expect(new Set(said).size).toBe(said.length);
    await page.keyboard.press('Enter');
    expect(await page.textContent('#answer')).toContain(`0x${((snapshot.limitSlice - 1) * 4096).toString(16)} is free`);
    const row = snapshot.runs.class.indexOf(10);
    await search(page, String(model.startAddress(row)));
    await page.focus('#blocks');
    await page.keyboard.press('ArrowRight');
    expect(await page.inputValue('#address')).toBe(`0x${(model.startAddress(row) + 160).toString(16)}`);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('blocks');
    await keep(page, 'keys');
  });

  it('regions of any size fit, down to their last segment', async () => {
    for (const maxBytes of [MIB, 4 * GIB]) {
      const heap = create({ maxBytes });
      const bytes = maxBytes / 2;
      const address = heap.malloc(bytes);
      const page = await show(pageOfSnapshots([{ label: 'now', snapshot: heap.snapshot() }]));
      expect(await search(page, String(address + bytes - 1))).toContain('a live large block of');
      expect((await page.locator('#map').boundingBox())!.height).toBeLessThan(700);
      await keep(page, `region-${maxBytes}`);
      heap.detach();
    }
  });

  it('a live page follows the program, pauses, and says when it has ended', async () => {
    const stopFile = join(place, 'stop');
    const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
    const args = ['inspect', 'live', '--', process.execPath, file('./busy.mjs'), stopFile, '1'];
    const child = spawn(process.execPath, [file('../../dist/cli/main.js'), ...args]);
    const url = await new Promise<string>((resolve) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        const found = /(http:\S+) shows/.exec(text);
        if (found !== null) resolve(found[1]);
      });
    });
    const page = await open(url);
    const taken = (): Promise<string | null> => page.textContent('#cards > :last-child dd');
    await page.waitForSelector('#state:not(.stopped)');
    const before = await taken();
    await page.waitForFunction(
      (then) => document.querySelector('#cards > :last-child dd')?.textContent !== then,
      before,
    );
    await page.waitForSelector('#timing:not([hidden])');
    await page.click('#pause');
    await page.waitForFunction(() => document.querySelector('#state')?.textContent === 'paused');
    await page.click('#pause');
    writeFileSync(stopFile, '');
    await page.waitForFunction(() => document.querySelector('#state')?.textContent.startsWith('the program has ended'));
    expect(await page.textContent('#title')).toMatch(/^Heap [\da-f]{8}, up to 16 MiB$/);
    // What a browser says of a server that is gone.
    expect(complaints.splice(0).filter((each) => !each.includes('ERR_CONNECTION_REFUSED'))).toEqual([]);
    await keep(page, 'live');
  });
});
