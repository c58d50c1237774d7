import { inspect } from 'node:util';
import { type Heap } from 'sabmalloc';
import { array, atomic, f32, f64, i32, owned, ref, struct, u32, utf8 } from 'sabmalloc/structs';
import { describe, expect, it } from 'vitest';
import { empty } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { refusedThere, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

const Particle = struct('Particle', {
  pos: array(f32, 3),
  mass: f64,
  name: utf8(24),
  next: ref('Particle'),
  hits: atomic(i32),
});
const Inner = struct('Inner', { x: u32 });
const Node = struct('Node', { value: u32, left: owned('Node'), right: owned('Node'), seen: ref('Node') });

const liveBlocks = (heap: Heap): number => heap.stats().liveBlocks;

describe('a struct', () => {
  it('is opened again by its address', () => {
    const P = Particle.in(create());
    const made = P.create({ mass: 3, pos: [1, 2, 3], name: 'one' });
    const opened = P.at(made.address);
    opened.mass += 1;
    opened.pos[2] = 9;
    expect(made.toObject()).toEqual({ pos: [1, 2, 9], mass: 4, name: 'one', next: null, hits: 0 });
    expect(opened.address).toBe(made.address);
  });

  it('that was freed throws at every use of its object', () => {
    const heap = create();
    const P = Particle.in(heap);
    const one = P.create();
    const { address } = one;
    P.free(one);
    for (const use of [
      () => P.at(address),
      () => one.mass,
      () => (one.mass = 1),
      () => one.pos,
      () => one['pos.1'],
      () => one.name,
      () => one.next,
      () => one.hits,
      () => one.address,
      () => one.free(),
      () => (P.create().next = one),
    ])
      refused('ERR_HEAP_INVALID_ADDRESS', use);
    expect(inspect(one)).toBe('Particle (freed)');
  });

  it('is none where there is something else', () => {
    const heap = create();
    const P = Particle.in(heap);
    const block = heap.calloc(100);
    const rows = P.array(3);
    for (const address of [block, 0, -16, 1.5, block + 1, block + 16, 2 ** 32, '16' as never, rows.address])
      refused('ERR_HEAP_INVALID_ADDRESS', () => P.at(address));
    refused('ERR_HEAP_INVALID_ADDRESS', () => P.arrayAt(P.create().address));
    refused('ERR_HEAP_INVALID_ADDRESS', () => P.columnsAt(rows.address));
    refused('ERR_HEAP_VALUE', () => P.free(rows.at(0) as never));
  });

  it('takes no value that does not fit, and then no memory', () => {
    const heap = create();
    const P = Particle.in(heap);
    refused('ERR_HEAP_VALUE', () => P.create({ name: 'x'.repeat(25) }));
    refused('ERR_HEAP_VALUE', () => P.create({ pos: [1, 2] }));
    refused('ERR_HEAP_VALUE', () => P.create({ weight: 1 } as never));
    refused('ERR_HEAP_VALUE', () => P.create(7 as never));
    refused('ERR_HEAP_VALUE', () => P.create({ next: {} as never }));
    refused('ERR_HEAP_VALUE', () => P.create({ next: Particle.in(create()).create() }));
    expect(liveBlocks(heap)).toBe(0);
  });

  it('may have fields of any names, and is shown with them', () => {
    const T = struct('Odd', { title: f64, show: f64, item: f64 }).in(create());
    const one = T.create({ title: 1, show: 2, item: 3 });
    expect([one.title, one.show, one.item]).toEqual([1, 2, 3]);
    expect(inspect(one)).toBe(`Odd @0x${one.address.toString(16)} { title: 1, show: 2, item: 3 }`);
  });

  it('is shown with its fields, in a circle too', () => {
    const P = Particle.in(create());
    const [one, other] = [P.create({ name: 'one' }), P.create({ name: 'other' })];
    one.next = other;
    other.next = one;
    expect(inspect(one)).toContain(`next: Particle @0x${other.address.toString(16)},`);
    other.free();
    expect(inspect(one)).toContain('next: <not readable>,');
    expect(inspect({ deep: { one } })).toContain("name: 'one'");
  });

  it('is shown with its fields in arrays', () => {
    const B = struct('Body', { mass: f64, parts: array(Inner, 2) }).in(create());
    for (const all of [B.array(12), B.columns(12)]) {
      const cursor = all.cursor();
      while (cursor.next()) cursor.item.mass = cursor.index;
      const text = inspect(all);
      expect(text).toContain(`Body[12] @0x${all.address.toString(16)} [\n`);
      expect(text).toContain('Body { mass: 9, parts: [ Inner { x: 0 }, Inner { x: 0 } ] }');
      expect(text).toContain('... 2 more');
      expect(text).not.toContain('mass: 10');
      all.free();
      expect(inspect(all)).toBe('Body[12] (freed)');
    }
    expect(inspect(B.array(0))).toMatch(/^Body\[0\] @0x[0-9a-f]+ \[\]$/);
    const one = B.create();
    expect(inspect(one.parts)).toBe('List(2) [ Inner { x: 0 }, Inner { x: 0 } ]');
    expect(inspect(Particle.in(B.heap).create({ hits: 4 }).hits)).toBe('AtomicCell 4');
  });

  it('is shown with its fields, one below the other if they are many', () => {
    const one = Particle.in(create()).create({ mass: 2, name: 'é' });
    expect(inspect(one)).toBe(
      `Particle @0x${one.address.toString(16)} {\n  pos: [ 0, 0, 0 ],\n  mass: 2,\n  name: 'é',\n  next: null,\n  hits: 0\n}`,
    );
  });
});

describe('references', () => {
  it('lead to structs, in a circle too', () => {
    const heap = create();
    const P = Particle.in(heap);
    const [a, b] = [P.create({ mass: 1 }), P.create({ mass: 2 })];
    a.next = b;
    b.next = a;
    expect(a.next.next?.mass).toBe(1);
    a.next = null;
    expect(a.next).toBeNull();
    a.free();
    b.free();
    empty(heap);
  });

  it('are refused when what they led to is freed', () => {
    const P = Particle.in(create());
    const [a, b] = [P.create(), P.create()];
    a.next = b;
    b.free();
    refused('ERR_HEAP_INVALID_ADDRESS', () => a.next);
  });

  it('may name a definition that comes later, and say so when it never does', () => {
    const heap = create();
    const Early = struct('Early', { to: ref('Late'), never: ref('NeverDefined') });
    const early = Early.in(heap).create();
    const Late = struct('Late', { x: f64 });
    early.to = Late.in(heap).create({ x: 5 });
    expect(early.to.toObject()).toEqual({ x: 5 });
    expect(early.never).toBeNull();
    const error = refused('ERR_HEAP_DEFINITION', () => (early.never = early as never));
    expect(error.message).toContain('NeverDefined');
  });
});

describe('what a struct owns', () => {
  it('goes with it at the end of a using, unless it was freed before', () => {
    const heap = create();
    const inner = struct('Inner', { x: f64 });
    const Outer = struct('Outer', { inner: owned(inner) }).in(heap);
    {
      using one = Outer.create({ inner: inner.in(heap).create() });
      using rows = Outer.array(3);
      using columns = Outer.columns(3);
      using freed = Outer.create();
      expect([one.address, rows.address, columns.address].every((address) => heap.usableSize(address) > 0)).toBe(true);
      expect(heap.stats().liveBlocks).toBe(5);
      freed.free();
    }
    expect(heap.stats().liveBlocks).toBe(0);
  });

  const tree = (heap: Heap, depth: number): ReturnType<ReturnType<typeof Node.in>['create']> => {
    const N = Node.in(heap);
    return depth === 0 ? N.create() : N.create({ left: tree(heap, depth - 1), right: tree(heap, depth - 1) });
  };

  it('is freed with it, what it refers to is not', () => {
    const heap = create();
    const [root, other] = [tree(heap, 6), Node.in(heap).create()];
    root.seen = other;
    expect(liveBlocks(heap)).toBe(128);
    root.free();
    expect(liveBlocks(heap)).toBe(1);
    other.free();
    empty(heap);
  });

  it('may own it in a circle, or itself', () => {
    const heap = create();
    const N = Node.in(heap);
    const [a, b, c] = [N.create(), N.create(), N.create()];
    a.left = b;
    b.left = c;
    b.right = b;
    c.left = a;
    b.free();
    empty(heap);
  });

  it('may be deeper than a stack', () => {
    const heap = create({ maxBytes: 64 * MIB });
    const N = Node.in(heap);
    let top = N.create();
    for (let i = 0; i < 100_000; i++) top = N.create({ left: top });
    top.free();
    empty(heap);
  });

  it('is found within structs, arrays and columns', () => {
    const heap = create();
    const Inner = struct('Inner', { tag: u32, node: owned(Node), nodes: array(owned(Node), 20) });
    const Outer = struct('Outer', { a: u32, inner: Inner, more: array(Inner, 2) });
    const O = Outer.in(heap);
    const fill = (part: {
      inner: { node: unknown };
      more: { at(i: number): { nodes: { set(i: number, v: never): void } } };
    }): void => {
      part.inner.node = tree(heap, 1);
      part.more.at(1).nodes.set(19, tree(heap, 2) as never);
    };
    const [one, rows, columns] = [O.create(), O.array(3), O.columns(11)];
    fill(one);
    for (const part of rows) fill(part);
    for (const cursor = columns.cursor(); cursor.next();) fill(cursor.item);
    expect(liveBlocks(heap)).toBe(3 + 10 * (1 + 3 + 11));
    one.free();
    rows.free();
    columns.free();
    empty(heap);
  });
});

describe('a definition in the region', () => {
  const written = { a: u32, b: f64, c: utf8(8) };
  it.each([
    ['another type', { a: u32, b: f32, c: utf8(8) }, 'b', 'f32 at 4', 'f64 at 8'],
    ['another length', { a: u32, b: f64, c: utf8(9) }, 'c', 'utf8(9)', 'utf8(8)'],
    ['another name', { a: u32, bb: f64, c: utf8(8) }, 'bb', 'f64 at 8', 'b f64 at 8'],
    ['a field less', { a: u32, b: f64 }, 'c', 'none', 'utf8(8) at 16'],
    ['a field more', { ...written, d: u32 }, 'd', 'u32 at 28', 'none'],
    ['another order', { b: f64, a: u32, c: utf8(8) }, 'b', 'f64 at 0', 'a u32 at 0'],
  ])('that has %s is refused by the name of the field', (_, fields, field, mine, there) => {
    const heap = create();
    const one = struct('Thing', written).in(heap).create();
    const Other = struct('Thing', fields);
    const error = refused('ERR_HEAP_DEFINITION', () => Other.in(heap).at(one.address));
    expect(error['field']).toBe(field);
    expect(error.message).toContain(mine);
    expect(error.message).toContain(there);
    one.free();
    empty(heap);
  });

  it('of another name is refused by that name', () => {
    const heap = create();
    const { message } = refused('ERR_HEAP_DEFINITION', () => Node.in(heap).at(Particle.in(heap).create().address));
    expect(message).toContain('there is a Particle, not a Node');
  });

  it('is the same if it is written twice', () => {
    const heap = create();
    const one = struct('Thing', written).in(heap).create({ b: 2 });
    expect(
      struct('Thing', { ...written })
        .in(heap)
        .at(one.address).b,
    ).toBe(2);
  });

  it('finds the table full at some time, and then makes no struct', () => {
    const heap = create({ maxBytes: MIB });
    const made: { free(): void }[] = [];
    const error = refused('ERR_HEAP_OUT_OF_MEMORY', () => {
      for (let i = 0; i < 1000; i++) made.push(struct(`S${i}`, { x: f64 }).in(heap).create());
    });
    expect(error.message).toContain('table of texts');
    expect(made.length).toBeGreaterThan(20);
    for (const one of made) one.free();
    empty(heap);
    heap.check();
  });
});

describe('a handle', () => {
  it('of a struct opens as that struct, by type too', () => {
    const heap = create();
    const P = Particle.in(heap);
    const one = P.create({ mass: 2 });
    const handle = heap.share(one);
    const opened = heap.open(handle);
    opened.mass += 1;
    expect([one.mass, P.open(JSON.parse(String(handle)) as number).mass]).toEqual([3, 3]);
    expect(heap.share(opened)).toBe(handle);
    const hold = heap.hold(handle);
    expect(hold.value.name).toBe('');
    hold.release();
    expect([heap.release(handle), heap.release(handle)]).toEqual([1, 0]);
    refused('ERR_HEAP_STALE_HANDLE', () => P.open(handle));
    refused('ERR_HEAP_INVALID_ADDRESS', () => P.at(opened.address));
    empty(heap);
  });

  it('of rows or columns opens as these', () => {
    const heap = create();
    const P = Particle.in(heap);
    const [rows, columns] = [P.array(4), P.columns(0)];
    rows.at(3).mass = 7;
    const handles = [heap.share(rows), heap.share(columns)] as const;
    expect([heap.open(handles[0]).at(3).mass, P.openArray(handles[0]).length]).toEqual([7, 4]);
    expect([heap.open(handles[1]).length, P.openColumns(handles[1]).length]).toEqual([0, 0]);
    refused('ERR_HEAP_INVALID_ADDRESS', () => P.open(handles[0]));
    refused('ERR_HEAP_INVALID_ADDRESS', () => P.openArray(handles[1]));
    for (const handle of handles) heap.release(handle);
    empty(heap);
  });

  it('of something else is none of the definition', () => {
    const heap = create();
    const P = Particle.in(heap);
    refused('ERR_HEAP_VALUE', () => P.open(heap.share(heap.alloc(Uint8Array, 64))));
    const error = refused('ERR_HEAP_DEFINITION', () => P.open(heap.share(Node.in(heap).create())));
    expect(error.message).toContain('there is a Node, not a Particle');
    refused('ERR_HEAP_INVALID_ADDRESS', () => heap.share(P.array(2).at(1) as never));
  });

  it('frees with the last release what the struct owns, in rows too', () => {
    const heap = create();
    const N = Node.in(heap);
    const chain = (): ReturnType<typeof N.create> => N.create({ left: N.create({ right: N.create() }) });
    const rows = N.array(3);
    for (const row of rows) row.left = chain();
    const handles = [heap.share(chain()), heap.share(rows)];
    expect(liveBlocks(heap)).toBe(3 + 1 + 9);
    for (const handle of handles) heap.retain(handle);
    expect(handles.map((handle) => heap.release(handle))).toEqual([1, 1]);
    expect(liveBlocks(heap)).toBe(13);
    expect(handles.map((handle) => heap.release(handle))).toEqual([0, 0]);
    empty(heap);
  });

  it('is worth the same in other workers, to the last release', async () => {
    const heap = create();
    const N = Node.in(heap);
    const [one, tree, rows] = [Particle.in(heap).create({ name: 'sent' }), N.create(), Particle.in(heap).array(3)];
    tree.left = N.create();
    rows.at(2).mass = 5;
    const [a, b, c] = [one, tree, rows].map((value) => heap.share(value));
    const worker = workers.start('structs', { token: heap.token });
    expect(await worker.call('openShared', a)).toMatchObject({ name: 'sent' });
    expect(await worker.call('openShared', c, 2)).toMatchObject({ mass: 5 });
    for (const handle of [a, b, c]) expect(await worker.call('heap', 'release', handle)).toBe(0);
    await worker.call('heap', 'collect');
    heap.collect();
    empty(heap);
    await worker.call('detach');
  });

  it('of a definition that the worker does not have, or not alike, is refused by its name or field', async () => {
    const heap = create();
    const stranger = heap.share(struct('Stranger', { x: f64 }).in(heap).create());
    const worker = workers.start('structs', { token: heap.token });
    for (const call of ['open', 'release', 'hold']) {
      const error = await refusedThere('ERR_HEAP_DEFINITION', worker.call('heap', call, stranger));
      expect(error.message).toContain('Stranger');
    }
    const other = await refusedThere(
      'ERR_HEAP_DEFINITION',
      worker.call('openOther', heap.share(Particle.in(heap).create())),
    );
    expect(other.message).toContain('field mass');
    // What was refused has changed nothing: still one holder.
    expect(heap.release(stranger)).toBe(0);
  });
});

describe('workers', () => {
  it('work on the same structs', async () => {
    const heap = create({ maxBytes: 64 * MIB });
    const P = Particle.in(heap);
    const [one, two] = [P.create({ mass: 1, name: 'here' }), P.create({ mass: 2 })];
    one.next = two;
    const pair = [0, 1].map(() => workers.start('structs', { token: heap.token }));
    await Promise.all(pair.map((worker) => worker.call('add', one.address, 10_000)));
    expect(one.hits.load()).toBe(20_000);
    expect(await pair[0].call('describe', one.address)).toEqual({ mass: 1, name: 'here', nextMass: 2 });
    // They make some in memory that this worker's views do not reach yet, and hand them over by a reference.
    await pair[1].call('prepend', one.address, 200_000);
    let count = 0;
    for (let at = one.next as typeof one | null; at !== null && at.name === 'there'; at = at.next) count++;
    expect(count).toBe(200_000);
    expect(two.mass).toBe(2);
    for (let at = one as typeof one | null; at !== null;) {
      const { next } = at;
      at.free();
      at = next;
    }
    heap.collect();
    await Promise.all(pair.map((worker) => worker.call('detach')));
    empty(heap);
  });

  it('with another definition are told the field', async () => {
    const heap = create();
    const one = Particle.in(heap).create();
    const worker = workers.start('structs', { token: heap.token });
    const error = await refusedThere('ERR_HEAP_DEFINITION', worker.call('misread', one.address));
    expect(error.message).toContain('field mass');
  });

  it('free a struct once, however many try at the same time', async () => {
    const heap = create({ maxBytes: 64 * MIB });
    const addresses = Particle.in(heap);
    const list = Array.from({ length: 2000 }, () => addresses.create().address);
    const pair = [0, 1].map(() => workers.start('structs', { token: heap.token }));
    const freed = await Promise.all(pair.map((worker) => worker.call<number>('freeAll', list)));
    expect(freed[0] + freed[1]).toBe(list.length);
    heap.collect();
    expect(liveBlocks(heap)).toBe(0);
    heap.check();
  });
});
