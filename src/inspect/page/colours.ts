import { bytesText } from '../../config/index.js';
import { type HeapModel, type Mix } from '../model.js';

export type ColourBy = 'state' | 'class' | 'owner';

/** States of a slice in the order in which they are stacked, with the words for them. */
export const STATES: readonly (readonly [keyof Mix, string])[] = [
  ['metadata', 'metadata'],
  ['span', 'large block'],
  ['live', 'live block'],
  ['remote', 'freed by another worker'],
  ['cached', 'cached'],
  ['slack', 'free in a slab'],
];

/** A colour of the style sheet, as it is in light or dark now. */
export function colour(name: string): string {
  const probe = document.createElement('i');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

export interface Key {
  readonly text: string;
  readonly colour: string;
}

const isDark = (): boolean => matchMedia('(prefers-color-scheme: dark)').matches;
const OWNERS_NAMED = 10;

/** The colours of one drawing: looked up once. */
export class Palette {
  readonly states = STATES.map(([state]) => colour(state));
  readonly unused = colour('unused');
  readonly mark = colour('mark');
  readonly text = colour('text');
  readonly soft = colour('soft');
  readonly page = colour('page');
  readonly metadata = colour('metadata');
  private readonly span = colour('span');
  private readonly places: ReadonlyMap<number, number>;

  constructor(private readonly model: HeapModel) {
    const owners = [...new Set(model.snapshot.runs.owner)].filter((id) => id !== 0).sort((a, b) => a - b);
    this.places = new Map(owners.map((id, place) => [id, place]));
  }

  /** From green for small blocks over yellow and red to violet; blue is for large blocks. */
  ofClass(classId: number): string {
    if (classId === 0) return this.span;
    const share = classId / (this.model.snapshot.classBytes.length - 1);
    const light = isDark() ? 72 - 30 * share : 74 - 40 * share;
    return `hsl(${Math.round(510 - 200 * share) % 360} 62% ${Math.round(light)}%)`;
  }

  ofOwner(workerId: number): string {
    const place = this.places.get(workerId);
    if (place === undefined) return this.text;
    const hue = (214 + place * 137.5) % 360;
    return `hsl(${Math.round(hue)} ${place % 2 === 0 ? 62 : 45}% ${isDark() ? 60 : 48}%)`;
  }

  /** What the colours mean. */
  keys(by: ColourBy): Key[] {
    const fixed = [
      { text: 'metadata', colour: this.metadata },
      { text: 'not in use', colour: this.unused },
    ];
    if (by === 'state') return [...STATES.map(([, text], place) => ({ text, colour: this.states[place] })), fixed[1]];
    if (by === 'owner') {
      const named = [...this.places.keys()].slice(0, OWNERS_NAMED);
      const keys = named.map((id) => ({ text: `worker ${id}`, colour: this.ofOwner(id) }));
      const rest = this.places.size - named.length;
      if (rest > 0) keys.push({ text: `and ${rest} more`, colour: this.unused });
      return [...keys, { text: 'nobody: its worker left', colour: this.ofOwner(0) }, ...fixed];
    }
    const { classBytes } = this.model.snapshot;
    const shown = [1, 8, 15, 27, 39, 51, classBytes.length - 1];
    const keys = shown.map((id) => ({ text: bytesText(classBytes[id]), colour: this.ofClass(id) }));
    return [...keys, { text: 'large block', colour: this.span }, ...fixed];
  }
}
