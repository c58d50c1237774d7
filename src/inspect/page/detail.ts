import { hexText } from '../../config/index.js';
import { findAddress } from '../find.js';
import { type HeapModel } from '../model.js';
import { colour } from './colours.js';
import { element, facts, hideTip, prepare, showTip } from './dom.js';
import { runFacts, runTitle } from './words.js';

const STATE_COLOURS: Readonly<Record<string, string>> = {
  live: 'live',
  remote: 'remote',
  cached: 'cached',
  free: 'slack',
};
const CELL_SIZES = [22, 18, 14, 12, 10, 8, 6, 5];
const HEIGHT_MOST = 380;

/** The chosen run: its facts, and a cell for each of its blocks. */
export class DetailView {
  private row = -1;
  private model!: HeapModel;
  private block = -1;
  private columns = 1;
  private cell = 1;
  private readonly canvas = element('canvas', { id: 'blocks', tabindex: '0', role: 'img' });

  constructor(
    private readonly place: HTMLElement,
    private readonly said: HTMLElement,
    private readonly choose: (address: number) => void,
  ) {
    this.canvas.addEventListener('pointermove', (event) => {
      const block = this.blockUnder(event);
      if (block < 0) hideTip();
      else showTip(this.textOf(block), event.clientX, event.clientY);
    });
    this.canvas.addEventListener('pointerleave', hideTip);
    this.canvas.addEventListener('click', (event) => {
      const block = this.blockUnder(event);
      if (block >= 0) choose(this.addressOf(block));
    });
    this.canvas.addEventListener('keydown', (event) => this.key(event));
  }

  show(model: HeapModel, row: number, block: number): void {
    this.model = model;
    this.row = row;
    this.block = block;
    if (row < 0) {
      this.place.replaceChildren(
        element('p', { class: 'soft' }, 'Choose a cell of the map, or search for an address.'),
      );
      return;
    }
    const hadFocus = document.activeElement === this.canvas;
    const title = element('h3', {}, runTitle(model, row));
    this.place.replaceChildren(title, facts(runFacts(model, row)));
    if (model.kindOf(row) !== 'slab') return;
    if (model.hasBlocks) {
      this.canvas.ariaLabel = `The ${model.capacity(row)} blocks of this slab; arrow keys go from one to the next.`;
      this.place.append(this.canvas);
      this.draw();
      if (hadFocus) this.canvas.focus({ preventScroll: true });
    } else this.place.append(element('p', { class: 'soft' }, 'This snapshot leaves out the state of single blocks.'));
  }

  draw(): void {
    if (this.row < 0 || !this.canvas.isConnected) return;
    const count = this.model.capacity(this.row);
    const width = this.canvas.clientWidth;
    const rowsAt = (size: number): number => Math.ceil(count / Math.max(1, Math.floor(width / size)));
    this.cell = CELL_SIZES.find((size) => rowsAt(size) * size <= HEIGHT_MOST) ?? CELL_SIZES[CELL_SIZES.length - 1];
    this.columns = Math.max(1, Math.floor(width / this.cell));
    const context = prepare(this.canvas, rowsAt(this.cell) * this.cell + 2);
    const colours = new Map(Object.entries(STATE_COLOURS).map(([state, name]) => [state, colour(name)]));
    for (let block = 0; block < count; block++) {
      context.fillStyle = colours.get(this.model.blockState(this.row, block)!)!;
      const [x, y] = this.placeOf(block);
      context.fillRect(x, y, this.cell - 1, this.cell - 1);
    }
    if (this.block < 0) return;
    context.strokeStyle = colour('mark');
    context.lineWidth = 2;
    const [x, y] = this.placeOf(this.block);
    context.strokeRect(x, y, this.cell - 1, this.cell - 1);
  }

  private placeOf(block: number): [x: number, y: number] {
    return [(block % this.columns) * this.cell + 1, Math.floor(block / this.columns) * this.cell + 1];
  }

  private blockUnder(event: MouseEvent): number {
    const column = Math.floor((event.offsetX - 1) / this.cell);
    const block = Math.floor((event.offsetY - 1) / this.cell) * this.columns + column;
    return column < this.columns && block >= 0 && block < this.model.capacity(this.row) ? block : -1;
  }

  private addressOf(block: number): number {
    return this.model.startAddress(this.row) + block * this.model.blockBytes(this.row);
  }

  private textOf(block: number): string {
    const address = this.addressOf(block);
    const state = this.model.blockState(this.row, block)!;
    const site = this.model.snapshot.callSites?.[address];
    return [`block ${block}: ${state}`, `${hexText(address)} (${address})`, ...(site === undefined ? [] : [site])].join(
      '\n',
    );
  }

  private key(event: KeyboardEvent): void {
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -this.columns,
      ArrowDown: this.columns,
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const to = this.block < 0 ? 0 : this.block + steps[event.key];
    if (to < 0 || to >= this.model.capacity(this.row)) return;
    this.choose(this.addressOf(to));
    this.said.textContent = findAddress(this.model, this.addressOf(to)).text;
  }
}
