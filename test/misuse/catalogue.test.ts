import { HeapError } from 'sabmalloc';
import { PRESETS } from 'sabmalloc/config';
import { afterEach, describe, expect, it } from 'vitest';
import { ensure, refused } from '../kit/errors.js';
import { heapsOfTest, leave } from '../kit/heaps.js';
import { RemoteError, workersOfTest } from '../kit/workers.js';
import { CATALOGUE, catalogueRows } from './catalogue.js';
import { type Attempt, type Misuse, Scene } from './scene.js';

const create = heapsOfTest();
const workers = workersOfTest();

const scenes: Scene[] = [];
afterEach(() => {
  for (const scene of scenes.splice(0)) scene.observed.forEach(leave);
});

function open(preset: string): Scene {
  const scene = new Scene({ preset: preset as 'production' }, create, workers);
  scenes.push(scene);
  return scene;
}

type Failure = HeapError | RemoteError;

const isHeapError = (error: unknown): error is Failure =>
  error instanceof HeapError || (error instanceof RemoteError && error.isHeapError);

/** The error of an attempt, of this thread or of another; undefined if it ended well. */
async function failureOf({ call, returns }: Attempt): Promise<Failure | undefined> {
  let result: unknown;
  try {
    result = await call();
  } catch (error) {
    if (isHeapError(error)) return error;
    throw new Error(`no HeapError, but ${String(error)}`, { cause: error });
  }
  ensure(returns === undefined || Object.is(result, returns), () => `returned ${String(result)}`);
  return undefined;
}

/** The end of a message that says what would be right, or what to do. */
const WAY_OUT =
  /\b(must be|pass|raise|give|attach (again|to it)|send|call|lower|choose|needs|free .* once|serves|did you mean)\b/i;

/** The message says which call and which value was wrong, and what to do. */
function helps({ message }: Failure, { says }: Attempt): void {
  for (const part of says) ensure(message.includes(part), () => `"${message}" does not contain "${part}"`);
  const advice = message.replace(/^\w+(\(.*?\))?: /, '');
  ensure(WAY_OUT.test(advice), () => `"${message}" shows no way out`);
}

/** Where every block carries who made it, a wild write is found, with the place that allocated and the place that freed. */
function caught({ damages }: Misuse, { heap }: Scene): void {
  const error = refused('ERR_HEAP_CORRUPT', () => heap.check());
  expect(damages).toContain(error['kind']);
  expect(error['allocatedAt']).toMatch(/overwrites\.ts:\d+:\d+/);
  if (error['kind'] === 'use after free') expect(error['freedAt']).toMatch(/overwrites\.ts:\d+:\d+/);
}

/** Runs a program, and proves after each attempt that its error helps and that the heaps are what they were before it. */
async function prove(misuse: Misuse, scene: Scene): Promise<void> {
  let attempts = 0;
  for await (const attempt of misuse.run(scene)) {
    attempts++;
    const expected = scene.portrait(attempt.frees);
    const failure = await failureOf(attempt);
    const code = failure?.code ?? 'none';
    if (misuse.damages !== undefined && scene.looksAfterBlocks) {
      caught(misuse, scene);
      return;
    }
    const said = `attempt ${attempts}, ${attempt.says.join()}: ${failure?.message ?? 'no error'}`;
    ensure(code === misuse.code, () => `${code} instead of ${misuse.code} at ${said}`);
    expect(scene.portrait(), said).toEqual(expected);
    scene.isUndamaged();
    if (failure !== undefined) helps(failure, attempt);
  }
  ensure(attempts > 0, () => 'the program attempted nothing');
  scene.goesOn();
}

/** Chapters that take a thread for each program or have nothing to do with presets, and in which presets they are tried. */
const NARROW: Readonly<Record<string, readonly string[] | undefined>> = {
  'Frees of other workers': ['production', 'debug'],
  Attaching: ['production'],
  'Making a heap': ['production'],
};

describe.each(Object.keys(PRESETS))('in preset %s', (preset) => {
  const chapters = Object.entries(CATALOGUE).filter(([name]) => NARROW[name]?.includes(preset) ?? true);
  describe.each(chapters)('%s', (_, misuses) => {
    for (const misuse of misuses) it(`${misuse.name}: ${misuse.code}`, () => prove(misuse, open(preset)));
  });
});

describe('the catalogue', () => {
  const rows = catalogueRows();

  it('is long, and no program has the name of another', () => {
    expect(rows.length).toBeGreaterThanOrEqual(40);
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  });

  it('knows every code but that of a damaged heap', () => {
    expect([...new Set(rows.map(({ code }) => code))].sort()).toEqual([
      'ERR_HEAP_CONFIG',
      'ERR_HEAP_DETACHED',
      'ERR_HEAP_DOUBLE_FREE',
      'ERR_HEAP_INVALID_ADDRESS',
      'ERR_HEAP_INVALID_ALIGNMENT',
      'ERR_HEAP_INVALID_FREE',
      'ERR_HEAP_INVALID_SIZE',
      'ERR_HEAP_OUT_OF_MEMORY',
      'ERR_HEAP_STALE_HANDLE',
      'ERR_HEAP_TOKEN',
      'ERR_HEAP_WORKERS',
      'none',
    ]);
  });
});
