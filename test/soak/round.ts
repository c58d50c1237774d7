import { freeAll, KIB } from '../kit/heaps.js';
import { type Audit } from '../kit/ledger.js';
import { Random } from '../kit/random.js';
import { TestWorker, type WorkersOfTest } from '../kit/workers.js';
import { drawFate } from './fate.js';
import { type Figures } from './figures.js';
import { isAsFresh, measure } from './fresh.js';
import { type Combination, ground, MAX_WORKERS, SIZES } from './plan.js';
import { Storm } from './storm.js';
import { Watch } from './watch.js';

export interface Round {
  readonly combination: Combination;
  readonly seed: number;
  readonly survivors: number;
  /** Victims at a time, and in all. */
  readonly atOnce: number;
  readonly victims: number;
  /** No victim is started after so many milliseconds. */
  readonly milliseconds: number;
  readonly overflows: boolean;
}

const LARGEST = 60 * KIB;

/** One storm in one heap: workers die, then everyone rests, the heap is walked, and must be as good as new. */
export async function runRound(round: Round): Promise<Figures> {
  const { combination, seed, survivors, victims, overflows } = round;
  const { heap, checkAround } = ground(combination, seed);
  const started: TestWorker[] = [];
  let isOver = false;
  const start: WorkersOfTest['start'] = (script, data) => {
    // What still goes on after a failure must leave no thread behind.
    if (isOver) throw new Error('the round is over');
    const worker = new TestWorker(script, data);
    started.push(worker);
    return worker;
  };
  const hugeBytes = Math.floor(0.9 * SIZES[combination.size]);
  const storm = new Storm(heap, { start, survivors, victims, seed, largest: LARGEST, hugeBytes, overflows });
  const watch = new Watch(storm);
  try {
    await Promise.race([rage(storm, round), watch.failed]);
    const audit = await storm.rest();
    freeAll(heap, audit.live);
    await storm.leave();
    await isAsFresh(heap, freshMark(round), { seed, maxWorkers: MAX_WORKERS, start });
    checkAround();
    return sumUp(storm, audit, combination);
  } catch (error) {
    if (error instanceof Error) error.message += `\n${storm.account()}`;
    throw error;
  } finally {
    watch.close();
    isOver = true;
    await Promise.all(started.map(({ worker }) => worker.terminate()));
    heap.detach();
  }
}

async function rage(
  storm: Storm,
  { seed, combination, victims, atOnce, milliseconds, overflows }: Round,
): Promise<void> {
  const end = performance.now() + milliseconds;
  let left = victims;
  const lane = async (): Promise<void> => {
    while (left-- > 0 && performance.now() < end)
      await storm.live(drawFate(new Random(seed + left), combination, overflows));
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

/** What another heap just like that of the round takes. */
function freshMark({ combination, seed }: Round): ReturnType<typeof measure> {
  const { heap } = ground(combination, seed);
  const mark = measure(heap, seed);
  heap.detach();
  return mark;
}

function sumUp({ heap, ledger, figures }: Storm, { live, lost, inHand, spilt }: Audit, of: Combination): Figures {
  figures.rounds = 1;
  for (const share of [figures.backings[of.backing], figures.presets[of.preset], figures.sizes[of.size]])
    Object.assign(share, { rounds: 1, kills: figures.kills });
  const { growths, adoptions, reclaims, remoteFrees } = heap.stats().counters;
  Object.assign(figures, { blocksWalked: live.length, lost, inHand, spilt, growths, adoptions, reclaims, remoteFrees });
  for (const page of ledger.pages) {
    figures.operations += page.steps;
    figures.refusals += page.refusals;
    figures.overflows += page.overflows;
  }
  return figures;
}
