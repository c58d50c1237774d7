import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type Heap } from 'sabmalloc';
import { BUDGET, longTest } from './kit/budget.js';
import { heapsOfTest, MIB } from './kit/heaps.js';
import { audit, Ledger, Phase } from './kit/ledger.js';
import { SEED, seeded } from './kit/random.js';
import { pause } from './kit/workers.js';
import { browse } from './soak/browser.js';
import { noFigures } from './soak/figures.js';
import { BACKINGS, combinations, PRESET_NAMES, SIZE_NAMES } from './soak/plan.js';
import { type Outcome } from './soak/report.js';
import { soak } from './soak/soak.js';
import { type Storm } from './soak/storm.js';
import { Watch } from './soak/watch.js';
import { stamp } from './workers/common.mjs';

const create = heapsOfTest();
const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Rooms of the package that may make a thread wait. */
const MAY_BLOCK: readonly string[] = ['atomics/', 'records/'];

describe('storms of killed workers', () => {
  it(
    'in heaps of every memory and preset damage nothing, and lose no more than the dead had in their hands',
    seeded(async () => {
      const figures = await soak({
        minutes: Infinity,
        kills: Infinity,
        rounds: BACKINGS.length * PRESET_NAMES.length,
        seed: SEED,
        workers: 6,
        only: {},
        skip: 0,
        victims: BUDGET.soakVictims,
        roundMs: BUDGET.soakRoundMs,
      });
      const shares = [figures.backings, figures.presets, figures.sizes].flatMap((of) => Object.values(of));
      for (const { rounds, kills } of shares) expect(kills).toBeGreaterThanOrEqual(rounds);
      expect(figures.killsByPhase.working).toBeGreaterThan(figures.kills / 10);
      expect(figures.lost).toBeLessThanOrEqual(figures.inHand + figures.spilt);
      for (const counted of ['operations', 'blocksWalked', 'adoptions', 'reclaims', 'growths', 'overflows'] as const)
        expect(figures[counted]).toBeGreaterThan(0);
    }),
    longTest(180_000),
  );

  it('meet every memory with every preset in 20 rounds, and every size too in 60', () => {
    const pairs = combinations()
      .slice(0, 20)
      .map(({ backing, preset }) => `${backing} ${preset}`);
    expect(new Set(pairs).size).toBe(BACKINGS.length * PRESET_NAMES.length);
    const kinds = combinations().map((kind) => JSON.stringify(kind));
    expect(new Set(kinds).size).toBe(20 * SIZE_NAMES.length);
  });
});

describe('a main thread that may not wait', () => {
  it(
    'works, frees and reclaims by hand while workers die, and never would have waited',
    seeded(async () => {
      const figures = await browse({ seconds: 4, seed: SEED });
      expect(figures.waits).toBe(0);
      expect(figures.kills).toBeGreaterThan(0);
      expect(figures.frames).toBeGreaterThan(10);
      // Other processes may keep the core of any call for longer than a frame.
      expect(figures.late).toBeLessThan(figures.count / 100);
    }),
    longTest(90_000),
  );

  it('finds no name in the package that waits', () => {
    const folder = pathOf('../dist');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
    expect(files).toContain('index.js');
    const naming = files.filter((name) =>
      /\bAtomics\.wait|\batomics\.wait/.test(readFileSync(join(folder, name), 'utf8')),
    );
    expect(naming.filter((name) => !MAY_BLOCK.some((room) => name.startsWith(room)))).toEqual([]);
  });
});

// Checks that find nothing may be checks that look at nothing: each is shown what it is there for.
describe('the comparison of heap and ledger sees', () => {
  const ENTRIES = 4;

  function scene(): {
    heap: Heap;
    ledger: Ledger;
    hold: (page: number, entry: number, address: number, bytes: number) => void;
  } {
    const heap = create({ maxBytes: MIB });
    const ledger = new Ledger(2, ENTRIES);
    const hold = (of: number, entry: number, address: number, bytes: number): void => {
      const page = ledger.pages[of];
      page.hold(entry, address, bytes);
      stamp(heap.u8, address, bytes, page.tag(entry));
      page.unmark(entry);
    };
    return { heap, ledger, hold };
  }

  it('nothing where nothing is wrong', () => {
    const { heap, ledger, hold } = scene();
    hold(0, 0, heap.malloc(100), 100);
    hold(1, 3, heap.malloc(50_000), 50_000);
    expect(audit(heap, ledger)).toMatchObject({ lost: 0, inHand: 0, spilt: 0, live: { length: 2 } });
  });

  it('a block that is not live', () => {
    const { heap, ledger, hold } = scene();
    const address = heap.malloc(100);
    hold(0, 1, address, 100);
    heap.free(address);
    expect(() => audit(heap, ledger)).toThrow(`block ${address} on page 0 is not live any more`);
  });

  it('a block that is damaged', () => {
    const { heap, ledger, hold } = scene();
    const address = heap.malloc(100);
    hold(1, 0, address, 100);
    heap.u8[address + 70]++;
    expect(() => audit(heap, ledger)).toThrow('on page 1 is damaged at byte 70');
  });

  it('a block that is shorter than it was', () => {
    const { heap, ledger, hold } = scene();
    hold(0, 0, heap.malloc(1000), 5000);
    expect(() => audit(heap, ledger)).toThrow('has shrunk');
  });

  it('a block that two hold, and one that is held and offered', () => {
    const { heap, ledger, hold } = scene();
    const address = heap.malloc(0);
    hold(0, 0, address, 0);
    hold(1, 0, address, 0);
    expect(() => audit(heap, ledger)).toThrow(`block ${address} on page 1 is held twice`);
    ledger.pages[1].clear(0);
    expect(ledger.market.offer(3, { address, bytes: 0, tag: 0 })).toBe(true);
    expect(() => audit(heap, ledger)).toThrow('on its way to another worker is held twice');
  });

  it('an offered block that is damaged', () => {
    const { heap, ledger } = scene();
    const address = heap.malloc(32);
    stamp(heap.u8, address, 32, 9);
    ledger.market.offer(0, { address, bytes: 32, tag: 9 });
    audit(heap, ledger);
    heap.u8[address + 31]++;
    expect(() => audit(heap, ledger)).toThrow('damaged at byte 31');
  });

  it('a lost block, unless somebody died with one in hand', () => {
    const { heap, ledger } = scene();
    heap.malloc(100);
    expect(() => audit(heap, ledger)).toThrow('1 blocks are lost');
    ledger.pages[0].reach();
    expect(audit(heap, ledger)).toMatchObject({ lost: 1, inHand: 1 });
    heap.malloc(100);
    expect(() => audit(heap, ledger)).toThrow('2 blocks are lost');
  });
});

describe('a survivor', () => {
  const survivorAt = (phase: number, steps: () => number): Watch => {
    const page = {
      number: 0,
      phase,
      get steps() {
        return steps();
      },
    };
    const survivors = [{ page, worker: { failure: undefined } }] as unknown as Storm['survivors'];
    return new Watch({ survivors }, 100);
  };

  it('that stands still is noticed', async () => {
    const watch = survivorAt(Phase.collecting, () => 7);
    await expect(watch.failed).rejects.toThrow('survivor 0 has stood still for 0.1 s after 7 steps');
    watch.close();
  });

  it('that works or has stopped is left alone', async () => {
    let steps = 0;
    for (const watch of [survivorAt(Phase.working, () => steps++), survivorAt(Phase.stopped, () => 7)]) {
      await Promise.race([watch.failed, pause(400)]);
      watch.close();
    }
  });
});

describe('a soak', () => {
  const options = { minutes: Infinity, kills: Infinity, rounds: 9, workers: 6, victims: 2, roundMs: 1000 };

  it('that fails says how to run the round again', async () => {
    const rounds: number[] = [];
    const failing = soak({ ...options, seed: 5, skip: 3, only: { backing: 'wasm' } }, undefined, async ({ seed }) => {
      rounds.push(seed);
      if (rounds.length < 3) return { ...noFigures(), rounds: 1 };
      throw new Error('as it were');
    });
    await expect(failing).rejects.toThrow(
      /^round 5, \w+ wasm \w[\w-]+: as it were\nRun it again: npm run soak -- --seed 5 --workers 6 --backing wasm --skip 5 --rounds 1$/,
    );
    expect(new Set(rounds).size).toBe(3);
  });

  it('whose main thread hangs is ended, with a word on where', () => {
    const program = `
      const { Pulse } = await import(${JSON.stringify(pathOf('soak/pulse.ts'))});
      new Pulse(300).tell('the hanging round');
      setTimeout(() => { for (;;); }, 100);
    `;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
    const { signal, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 });
    expect(stderr).toContain('has not come back for 0.3 s. It was at: the hanging round');
    expect(signal).toBe('SIGKILL');
  });

  it('is run by a command, which tells people and machines what came of it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'soak-'));
    try {
      const file = join(folder, 'figures.json');
      const flags = ['--kills', '3', '--preset', 'minimal', '--backing', 'memory', '--size', 'tight', '--seed', '7'];
      const { stdout } = await command(...flags, '--workers', '3', '--json', file);
      const figures = JSON.parse(readFileSync(file, 'utf8')) as Outcome;
      expect(figures).toMatchObject({ seed: 7, failure: null, browser: { waits: 0 } });
      expect(figures.kills).toBeGreaterThanOrEqual(3);
      expect(figures.presets.minimal.kills).toBe(figures.kills);
      expect(figures.backings.memory.kills).toBe(figures.kills);
      expect(figures.environment.node).toBe(process.version);
      expect(stdout).toContain(`$ ${figures.command}`);
      expect(figures.command).toContain('npm run soak -- --kills 3');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    [['--preset', 'fast'], 'production'],
    [['--minutes', '0'], 'a number of minutes above 0'],
  ])('refuses %s and says what would be right', async (flags, hint) => {
    await expect(command(...flags)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(hint) as string });
  });
});

const command = (...flags: string[]): Promise<{ stdout: string }> =>
  promisify(execFile)(process.execPath, ['--import', 'tsx', pathOf('soak/main.ts'), ...flags], { timeout: 60_000 });
