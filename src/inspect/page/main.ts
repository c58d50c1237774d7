import { bytesText, countText, hexText } from '../../config/index.js';
import { findAddress, parseAddress } from '../find.js';
import { HeapModel } from '../model.js';
import { type LiveAnswer, type PageData } from '../page-data.js';
import { parse } from '../snapshot-text.js';
import { type ColourBy, Palette } from './colours.js';
import { DetailView } from './detail.js';
import { element } from './dom.js';
import { LiveFeed } from './live.js';
import { MapView } from './map.js';
import { classTable, workerTable } from './tables.js';
import { TimelineView } from './timeline.js';
import { percent } from './words.js';

const byId = <Kind extends HTMLElement = HTMLElement>(id: string): Kind => document.getElementById(id) as Kind;

/** The whole page: what is shown, and what of it is looked at. */
class Page {
  private data: PageData = { title: '', pictures: [] };
  /** Undefined until something is shown. */
  private picture: number | undefined;
  private model: HeapModel | undefined;
  private by: ColourBy = 'state';
  private row = -1;
  private block = -1;
  private searched: number | undefined;
  private readonly map = new MapView(byId('map'), byId('said'), (slice) => this.chooseSlice(slice));
  private readonly detail = new DetailView(byId('detail'), byId('said'), (address) => this.look(address));
  private readonly timeline = new TimelineView(byId('timeline'));

  start(): void {
    for (const input of document.querySelectorAll<HTMLInputElement>('input[name=by]'))
      input.addEventListener('change', () => {
        this.by = input.value as ColourBy;
        this.draw();
      });
    byId('search').addEventListener('submit', (event) => {
      event.preventDefault();
      this.search();
    });
    byId('pictures').addEventListener('change', () => {
      this.picture = Number(byId<HTMLSelectElement>('pictures').value);
      this.open();
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
    let width = 0;
    new ResizeObserver(() => {
      if (width !== innerWidth) this.draw();
      width = innerWidth;
    }).observe(document.body);
  }

  show(data: PageData): void {
    this.data = data;
    this.picture ??= data.shown ?? 0;
    byId('title').textContent = data.title;
    const select = byId<HTMLSelectElement>('pictures');
    const options = data.pictures.map(({ label }, place) => element('option', { value: String(place) }, label));
    select.replaceChildren(...options);
    select.value = String(this.picture);
    byId('picturing').hidden = data.pictures.length < 2;
    byId('taking').hidden = data.pictures.every(({ at }) => at === undefined);
    byId('timing').hidden = (data.timeline?.samples.length ?? 0) < 2;
    this.open();
  }

  /** Makes the chosen picture the one that is looked at. */
  private open(): void {
    this.model = new HeapModel(this.data.pictures[this.picture ?? 0].snapshot);
    if (this.searched === undefined) this.row = -1;
    this.draw();
  }

  private draw(): void {
    const { model } = this;
    if (model === undefined) return;
    if (this.searched !== undefined) this.locate(model, this.searched);
    byId('cards').replaceChildren(...cards(model));
    byId('classes').replaceChildren(classTable(model));
    byId('workers').replaceChildren(workerTable(model));
    const slice = this.searched === undefined ? -1 : Math.floor(this.searched / model.snapshot.sliceBytes);
    const isInside = slice >= model.snapshot.baseSlice && slice < model.snapshot.limitSlice;
    this.map.show(model, this.by, { row: this.row, slice: isInside ? slice : -1 });
    const each = this.map.slicesPerCell * model.snapshot.sliceBytes;
    const first = this.map.firstDrawn * model.snapshot.sliceBytes;
    const tables = `The tables of the region go to ${hexText(model.snapshot.firstSlice * model.snapshot.sliceBytes)}.`;
    byId('scale').textContent =
      `A cell is ${bytesText(each)}, a square 4 MiB. ${first > 0 ? `Drawn from ${hexText(first)} on. ` : ''}${tables}`;
    const keys = new Palette(model).keys(this.by);
    byId('keys').replaceChildren(
      ...keys.map(({ text, colour }) => element('li', {}, element('i', { style: `background:${colour}` }), text)),
    );
    this.detail.show(model, this.row, this.block);
    const { timeline, pictures } = this.data;
    if (timeline !== undefined && timeline.samples.length > 1) this.timeline.show(timeline, pictures);
  }

  private locate(model: HeapModel, address: number): void {
    const { row, block, text } = findAddress(model, address);
    this.row = row;
    this.block = block;
    byId('answer').textContent = text;
  }

  private look(address: number): void {
    this.searched = address;
    byId<HTMLInputElement>('address').value = `0x${address.toString(16)}`;
    this.draw();
  }

  private chooseSlice(slice: number): void {
    if (this.model !== undefined) this.look(slice * this.model.snapshot.sliceBytes);
  }

  private search(): void {
    const address = parseAddress(byId<HTMLInputElement>('address').value);
    if (address !== undefined) {
      this.look(address);
      return;
    }
    this.searched = undefined;
    this.row = -1;
    this.draw();
    byId('answer').textContent = 'Write an address, a whole number below 2^32, in decimal or as 0x and hex digits.';
  }
}

function cards({ snapshot }: HeapModel): HTMLElement[] {
  const { stats, takenAt } = snapshot;
  const attached = stats.workers.filter(({ state }) => state === 'live').length;
  const rows: [string, string, string][] = [
    [
      'live',
      bytesText(stats.liveBytes),
      `${countText(stats.liveBlocks)} ${stats.liveBlocks === 1 ? 'block' : 'blocks'}`,
    ],
    ['committed', bytesText(stats.committedBytes), `of ${bytesText(stats.maxBytes)}`],
    ['most committed', bytesText(stats.peakCommittedBytes), 'so far'],
    ['fragmentation', percent(stats.fragmentation), 'of block memory not live'],
    ['metadata', bytesText(stats.metadataBytes), percent(stats.metadataBytes / stats.committedBytes)],
    ['cached', countText(stats.cachedBlocks), `blocks; ${countText(stats.remoteFreesPending)} freed remotely`],
    ['workers', countText(attached), `heap ${snapshot.heapId.slice(0, 8)}`],
    ['taken', new Date(takenAt).toLocaleTimeString('en-GB'), new Date(takenAt).toLocaleDateString('en-CA')],
  ];
  return rows.map(([term, value, more]) =>
    element('div', { class: 'card' }, element('dt', {}, term), element('dd', {}, value, element('small', {}, more))),
  );
}

/** A page of the live server has no data of its own: it asks for it. */
function goLive(page: Page): void {
  const state = byId('state');
  const pause = byId<HTMLButtonElement>('pause');
  const heaps = byId<HTMLSelectElement>('heaps');
  const words = {
    live: 'live',
    paused: 'paused',
    failed: 'failed',
    ended: 'the program has ended; this is what was seen last',
  };
  const onAnswer = (answer: LiveAnswer): void => {
    byId('coarse').hidden = answer.isCoarse !== true;
    byId('heaping').hidden = answer.heaps.length < 2;
    // Only when there are others: a list that is open would close.
    if (heaps.length !== answer.heaps.length)
      heaps.replaceChildren(...answer.heaps.map(({ heapId, label }) => element('option', { value: heapId }, label)));
    if (answer.heapId !== undefined) heaps.value = feed.heapId = answer.heapId;
    if (answer.data !== undefined) page.show(answer.data);
    else byId('title').textContent = 'Waiting for the first heap';
  };
  const feed = new LiveFeed(onAnswer, (now, why) => {
    state.textContent = why ?? words[now];
    state.classList.toggle('stopped', now !== 'live');
  });
  byId('live').hidden = false;
  heaps.addEventListener('change', () => {
    feed.heapId = heaps.value;
    void feed.ask();
  });
  pause.addEventListener('click', () => {
    feed.isPaused = !feed.isPaused;
    pause.textContent = feed.isPaused ? 'Go on' : 'Pause';
    void feed.ask();
  });
  void feed.run();
}

const page = new Page();
page.start();
const data = byId('data').textContent;
if (data === '') goLive(page);
else page.show(parse(data) as PageData);
