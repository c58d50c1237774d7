import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { STOPPED } from '../../src/testing/explorer.js';
import { tinyGeometry } from '../proof/machine/builds.js';
import { compile } from '../proof/machine/compile.js';
import { Machine, type Race, type WordMap } from '../proof/machine/machine.js';
import { Transform } from '../proof/machine/transform.js';

const map: WordMap = {
  buffer: new SharedArrayBuffer(64),
  length: 16,
  isShared: (word) => word < 8,
  name: (word) => ({ field: `word ${word}`, of: '' }),
};
const words = new Int32Array(map.buffer);

/** A machine on which each step is done by the thread named. */
function machineOf(threads = 2): { machine: Machine; as: (thread: number) => Machine; race: () => string | undefined } {
  const races: Race[] = [];
  const machine = new Machine(map, threads, [1, 2, 3], (race) => races.push(race) === 0);
  machine.begin();
  const as = (thread: number): Machine => {
    machine.current = thread;
    return machine;
  };
  return { machine, as, race: () => machine.race?.kinds.join(' / ') };
}

describe('the race detector', () => {
  it('finds two plain writes, and a plain read against a plain write, in either order', () => {
    const first = machineOf();
    first.as(0).write(words, 9, 1, 0);
    first.as(1).write(words, 9, 2, 1);
    expect(first.race()).toBe('plain write / plain write');
    const second = machineOf();
    second.as(0).read(words, 9, 0);
    second.as(1).write(words, 9, 2, 1);
    expect(second.race()).toBe('plain read / plain write');
    const third = machineOf();
    third.as(0).write(words, 9, 1, 0);
    third.as(1).read(words, 9, 1);
    expect(third.race()).toBe('plain write / plain read');
  });

  it('finds a plain access against an atomic write, but lets two reads and two atomics be', () => {
    const found = machineOf();
    found.as(0).store(words, 1, 1, 0, false);
    found.as(1).read(words, 1, 1);
    expect(found.race()).toBe('atomic write / plain read');
    const { as, race } = machineOf();
    as(0).read(words, 2, 0);
    as(1).read(words, 2, 1);
    as(0).store(words, 3, 1, 0, false);
    as(1).update(words, 3, 5, 1);
    as(1).load(words, 2, 1);
    expect(race()).toBeUndefined();
  });

  it('knows that what was stored before an atomic store is seen after an atomic load of it', () => {
    const { as, race } = machineOf();
    as(0).write(words, 9, 1, 0);
    as(0).store(words, 1, 1, 0, false);
    as(1).load(words, 1, 1);
    as(1).write(words, 9, 2, 1);
    expect(race()).toBeUndefined();
  });

  it('passes an order on through a third thread, and through a failed compare-and-swap', () => {
    const { as, race } = machineOf(3);
    as(0).write(words, 9, 1, 0);
    as(0).store(words, 1, 1, 0, false);
    as(1).compareExchange(words, 1, 1, 2, 1);
    as(2).compareExchange(words, 1, 7, 8, 2);
    as(2).write(words, 9, 2, 2);
    expect(race()).toBeUndefined();
  });

  it('knows that a later store hides an earlier one, and that a plain store publishes nothing', () => {
    const hidden = machineOf(3);
    hidden.as(0).write(words, 9, 1, 0);
    hidden.as(0).store(words, 1, 1, 0, false);
    hidden.as(1).store(words, 1, 2, 1, false);
    hidden.as(2).load(words, 1, 2);
    hidden.as(2).read(words, 9, 2);
    expect(hidden.race()).toBe('plain write / plain read');
    const plain = machineOf();
    plain.as(0).write(words, 9, 1, 0);
    plain.as(0).write(words, 1, 1, 0);
    plain.as(1).load(words, 1, 1);
    plain.as(1).read(words, 9, 1);
    expect(plain.race()).toBeDefined();
  });

  it('lets a death notice order what the dead one did before', () => {
    const { as, race } = machineOf();
    as(0).write(words, 9, 1, 0);
    as(1).learnOf(0);
    as(1).read(words, 9, 1);
    expect(race()).toBeUndefined();
  });
});

describe('the machine', () => {
  it('undoes everything since the schedule began', () => {
    words.fill(7);
    const { machine } = machineOf();
    machine.write(words, 0, 1, 0);
    machine.write(words, 0, 2, 0);
    machine.store(words, 5, 3, 0, false);
    for (const _ of machine.fill(words, 0, 9, 10, 14));
    machine.rest();
    machine.write(words, 15, 4, 0);
    machine.rewind();
    expect([...words]).toEqual(Array.from({ length: 16 }, () => 7));
  });

  it('stops a thread before the store of its number, and only that thread', () => {
    const { machine, as } = machineOf();
    machine.crashAt[1] = 2;
    expect([as(1).storePoint(words, 9), machine.signal]).toEqual([false, undefined]);
    for (let i = 0; i < 4; i++) as(0).storePoint(words, 9);
    expect([as(1).storePoint(words, 9), machine.signal]).toEqual([true, STOPPED]);
    expect([...machine.crashed]).toEqual([1]);
  });
});

describe('sleep', () => {
  const finite = 5;
  const nap = 1;

  it('is ended by a wake-up on its word, the longest asleep first', () => {
    const { machine, as } = machineOf(3);
    const [first, second] = [as(0).sleep(words, 1, Infinity), as(1).sleep(words, 1, Infinity)];
    const other = as(2).sleep(words, 2, Infinity);
    const may = (): boolean[] => [first, second, other].map(({ mayGoOn }) => mayGoOn());
    expect([machine.wake(1, 1), may()]).toEqual([1, [true, false, false]]);
    expect([machine.wake(1, Infinity), may()]).toEqual([1, [true, true, false]]);
    expect([machine.wake(1, 1), machine.rise(first)]).toEqual([0, 'ok']);
  });

  it('is ended once by each death that is noticed, if it had begun to look before', () => {
    const { machine, as } = machineOf();
    const early = as(0).sleep(words, 1, Infinity);
    machine.notice();
    expect([early.mayGoOn(), machine.rise(early)]).toEqual([true, 'timed-out']);
    expect(as(0).sleep(words, 1, Infinity).mayGoOn()).toBe(false);
    // This one looked before the death, and went to sleep after it.
    expect(as(1).sleep(words, 1, Infinity).mayGoOn()).toBe(true);
  });

  it('with a limit may end at any time, which passes, and a nap when its word has changed', () => {
    const { machine, as } = machineOf();
    const limited = as(0).sleep(words, 1, finite);
    expect([limited.mayGoOn(), machine.rise(limited), machine.clock]).toEqual([true, 'timed-out', finite]);
    const napping = as(1).sleep(words, 1, nap);
    expect(napping.mayGoOn()).toBe(false);
    machine.store(words, 1, words[1] + 1, 0, false);
    expect(napping.mayGoOn()).toBe(true);
  });
});

/** What the transform makes of a module of this text. */
function stepped(text: string): string {
  const options: ts.CompilerOptions = { target: ts.ScriptTarget.ES2022, noLib: true };
  const host = ts.createCompilerHost(options);
  const file = ts.createSourceFile('/sample.ts', text, options.target!, true);
  host.getSourceFile = (path) => (path === file.fileName ? file : undefined);
  const program = ts.createProgram([file.fileName], options, host);
  const { factory } = new Transform(program, [file], 'atomics.ts');
  let made = '';
  program.emit(file, (_, output) => (made = output), undefined, false, { before: [factory] });
  return made;
}

describe('the transform', () => {
  const ring = 'class Ring { put(i32: any, at: number) { i32[at] = 1; return 1; } }';
  const user = (call: string): string => `${ring} function use(ring: Ring, region: any, some: any) { ${call} }`;

  it('runs through what touches shared words', () => {
    expect(stepped(user('return ring.put(region, 1);'))).toContain('return (yield* ring.put(region, 1));');
    expect(stepped(user('return region?.size(1);'))).toContain('return region?.size(1);');
  });

  it.each([
    ['ring?.put(region, 1);', 'put() steps and is called'],
    ['return some?.other ?? ring?.put(region, 1);', 'put() steps and is called'],
    ['ring.put?.(region, 1);', 'put() steps and is called'],
    ['some?.map((at: number) => ring.put(region, at));', 'map() is given a function that steps'],
    ['return region?.i32[1];', 'shared words are touched'],
    ['region?.i32.fill(0);', 'shared words are touched'],
  ])('refuses %s', (call, what) => {
    expect(() => stepped(user(call))).toThrow(`/sample.ts:1: ${what} by way of "?."; ask with an "if" before it`);
  });
});

describe('the stepped build', async () => {
  const { url } = await compile(tinyGeometry, true);
  const textOf = (module: string): string => readFileSync(fileURLToPath(url(module)), 'utf8');

  it('has no access to the region left that the machine does not see', () => {
    for (const module of [
      'heap/heap',
      'heap/free',
      'pages/slices',
      'pages/spans',
      'slabs/remote',
      'slabs/slab',
      'slabs/cache',
      'registry/adopt',
      'registry/reclaim',
      'records/holder',
      'sync/mutex',
      'sync/rwlock',
      'sync/semaphore',
    ]) {
      const text = textOf(module);
      expect(text, module).not.toMatch(/\b(i32|words)\[/);
      expect(text, module).not.toMatch(/\b(i32|words)\.(fill|copyWithin)\(/);
      expect(text, module).not.toMatch(/(?<!yield\* |\$now\()\batomics\.\w+\(/);
    }
  });

  it('steps through the fast path too', () => {
    expect(textOf('heap/fast')).toMatch(/^ {4}function\* malloc\(/m);
    expect(textOf('heap/fast')).toMatch(/^ {4}function\* free\(/m);
  });
});
