import { Heap } from 'sabmalloc';
import { f64, struct, u32 } from 'sabmalloc/structs';
import { machine } from './environment.js';
import { printTable } from './report.js';
import { type Environment } from './spec.js';

interface StructsCase {
  readonly name: string;
  /** Nanoseconds an element, median of the rounds. */
  readonly ns: number;
  /** How many times what a plain object takes. */
  readonly ratio: number;
}

export interface StructsResult {
  readonly bench: 'structs';
  readonly count: number;
  readonly cases: readonly StructsCase[];
  readonly environment: Environment;
}

interface Body {
  x: number;
  y: number;
  mass: number;
  id: number;
}

const Particle = struct('Particle', { x: f64, y: f64, mass: f64, id: u32 });

/** Functions of their own for each kind of object, as a program has them: what one sees must not slow another one down. */
interface Loops {
  sum(list: readonly Body[]): number;
  read(list: readonly Body[]): number;
  write(list: readonly Body[]): number;
}

const loopsOfStructs: Loops = {
  sum(list) {
    let sum = 0;
    for (let i = 0; i < list.length; i++) sum += list[i].mass;
    return sum;
  },
  read(list) {
    let sum = 0;
    for (let i = 0; i < list.length; i++) sum += list[i].x + list[i].y * list[i].mass + list[i].id;
    return sum;
  },
  write(list) {
    for (let i = 0; i < list.length; i++) list[i].mass = i * 0.5;
    return list[list.length - 1].mass;
  },
};

const loopsOfObjects: Loops = {
  sum(list) {
    let sum = 0;
    for (let i = 0; i < list.length; i++) sum += list[i].mass;
    return sum;
  },
  read(list) {
    let sum = 0;
    for (let i = 0; i < list.length; i++) sum += list[i].x + list[i].y * list[i].mass + list[i].id;
    return sum;
  },
  write(list) {
    for (let i = 0; i < list.length; i++) list[i].mass = i * 0.5;
    return list[list.length - 1].mass;
  },
};

type Candidate = readonly [name: string, run: () => number];

/** What is measured, the plain object first in each group. */
function candidates(heap: Heap, count: number): Candidate[][] {
  const P = Particle.in(heap);
  const initial = (i: number): Body => ({ x: i + 0.5, y: 0.5, mass: 0.25, id: i });
  const objects = Array.from({ length: count }, (_, i) => initial(i));
  const structs = Array.from({ length: count }, (_, i) => P.create(initial(i)));
  const [rows, columns] = [P.array(count), P.columns(count)];
  const rowCursor = rows.cursor();
  const columnCursor = columns.cursor();
  const masses = columns.column('mass');
  const each = (kind: keyof Loops): Candidate[] => [
    [`${kind}, plain objects`, () => loopsOfObjects[kind](objects)],
    [`${kind}, structs`, () => loopsOfStructs[kind](structs)],
  ];
  return [
    each('read'),
    each('write'),
    [
      ...each('sum'),
      [
        'sum, cursor over an array',
        () => {
          let sum = 0;
          rowCursor.reset();
          while (rowCursor.next()) sum += rowCursor.item.mass;
          return sum;
        },
      ],
      [
        'sum, cursor over columns',
        () => {
          let sum = 0;
          columnCursor.reset();
          while (columnCursor.next()) sum += columnCursor.item.mass;
          return sum;
        },
      ],
      [
        'sum, typed array of a column',
        () => {
          let sum = 0;
          for (let i = 0; i < masses.length; i++) sum += masses[i];
          return sum;
        },
      ],
    ],
    [
      [
        'create, plain objects',
        () => {
          for (let i = 0; i < count; i++) objects[i] = { x: i + 0.5, y: 0.5, mass: 0.25, id: i };
          return objects.length;
        },
      ],
      [
        'create and free, structs',
        () => {
          let sum = 0;
          for (let i = 0; i < count; i++) {
            const one = P.create();
            one.x = i + 0.5;
            one.y = 0.5;
            one.mass = 0.25;
            one.id = i;
            sum += one.mass;
            one.free();
          }
          return sum;
        },
      ],
    ],
  ];
}

/** Rounds of all candidates in alternation; in the first ones the engine compiles, and they do not count. */
export function structs(rounds: number, count: number): StructsResult {
  const heap = Heap.create({ maxBytes: 2 ** 30, leakReport: 'off' });
  const groups = candidates(heap, count);
  const samples = groups.map((group) => group.map((): number[] => []));
  for (let round = -4; round < rounds; round++)
    groups.forEach((group, g) => {
      group.forEach(([name, run], i) => {
        const start = performance.now();
        if (!(run() >= 0)) throw new Error(`${name} came to nothing`);
        if (round >= 0) samples[g][i].push(((performance.now() - start) * 1e6) / count);
      });
    });
  heap.detach();
  const cases = groups.flatMap((group, g) => {
    const medians = samples[g].map((all) => all.sort((a, b) => a - b)[all.length >> 1]);
    return group.map(([name], i) => ({ name, ns: medians[i], ratio: medians[i] / medians[0] }));
  });
  return { bench: 'structs', count, cases, environment: { ...machine(), command: 'npm run bench -- structs' } };
}

export function printStructs({ cases, count, environment }: StructsResult): void {
  const rows = cases.map(({ name, ns, ratio }) => [name, ns.toFixed(1), ratio.toFixed(2)]);
  printTable([`${count.toLocaleString('en')} elements`, 'ns each', 'of plain objects'], rows);
  process.stdout.write(`$ ${environment.command}\n`);
}
