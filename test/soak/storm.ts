import { type Heap, type HeapError } from 'sabmalloc';
import { ensure } from '../kit/errors.js';
import { type Audit, audit, Ledger, type Page, Phase } from '../kit/ledger.js';
import { Random } from '../kit/random.js';
import { afterExit, comesTrue, pause, type TestWorker, until, type WorkersOfTest } from '../kit/workers.js';
import { stamp } from '../workers/common.mjs';
import { type Fate, isWatched } from './fate.js';
import { type Figures, noFigures } from './figures.js';

const ENTRIES = 64;
/** Between two rounds of work, so that the victims get on. */
const SURVIVORS_REST_MS = 8;
/** A worker that doesn't get so far, for a full region lets nobody in, is not waited for but killed where it is. */
const CUE_WITHIN_MS = 500;
/** How long a poised worker may take to hear the word go: as long as some other thread may keep its core. */
const ON_STAGE_WITHIN_MS = 10;
/** The same for workers that end by themselves. */
const END_WITHIN_MS = 3000;

export interface Weather {
  readonly start: WorkersOfTest['start'];
  readonly survivors: number;
  /** Most workers that come and go; each may bring one of its own. */
  readonly victims: number;
  readonly seed: number;
  /** Largest block of the usual mix. */
  readonly largest: number;
  /** What there is no room for, unless everything is scraped together. */
  readonly hugeBytes: number;
  /** Workers run out of stack within calls now and then. */
  readonly overflows: boolean;
}

type Reservation = ReturnType<Heap['reserve']>;

interface Victim {
  readonly page: Page;
  readonly fate: Fate;
  readonly worker: TestWorker;
  /** Of its reservation; 0 if it has none. */
  readonly workerId: number;
  readonly child: { readonly page: Page; readonly workerId: number } | undefined;
  /** Reserved by the parent for this worker to reclaim. */
  readonly straw: number[];
}

/** Workers that live and workers that die in one heap, with a ledger of what each of them holds. */
export class Storm {
  readonly ledger: Ledger;
  readonly figures: Figures = noFigures();
  readonly survivors: readonly { readonly page: Page; readonly worker: TestWorker }[];
  /** Worker ids of the dead that had one. */
  readonly #dead: number[] = [];
  #nextPage: number;

  constructor(
    readonly heap: Heap,
    readonly weather: Weather,
  ) {
    const { survivors, victims } = weather;
    this.ledger = new Ledger(survivors + 2 * victims, ENTRIES);
    this.#nextPage = survivors;
    this.survivors = this.ledger.pages.slice(0, survivors).map((page) => ({
      page,
      worker: weather.start('churn', {
        ...this.dataFor(page.number),
        token: heap.token,
        again: heap.token,
        pace: SURVIVORS_REST_MS,
      }),
    }));
  }

  /** What a worker that writes on this page is started with, but for its token. */
  dataFor(page: number): object {
    const { seed, largest, hugeBytes, overflows } = this.weather;
    return {
      ...this.ledger.dataFor(page),
      seed: new Random(seed + page).next(),
      largest,
      hugeBytes,
      overflows,
      pace: 0,
    };
  }

  /** The whole life of a worker: started, ended as it is its fate, and made known to the heap. */
  async live(fate: Fate): Promise<void> {
    const victim = await this.#start(fate);
    if (fate.ending === 'killed') await this.#kill(victim);
    else await this.#awaitEnd(victim);
    this.figures.notices[fate.notice]++;
    this.#notice(victim);
    if (victim.page.number % 4 === 0) this.heap.collect();
  }

  /** Everyone stops, what is on its way comes home, and heap and ledger are compared. */
  async rest(): Promise<Audit> {
    this.ledger.market.stop();
    for (const { worker } of this.survivors) await worker.call('collect');
    this.reclaimDead();
    this.heap.collect();
    return audit(this.heap, this.ledger);
  }

  /** The survivors go too. */
  async leave(): Promise<void> {
    for (const { worker } of this.survivors) {
      await worker.call('collect');
      await worker.call('detach');
    }
  }

  /** Reclaims the dead that had a reservation: also those that a worker was to reclaim that died itself before. */
  reclaimDead(): void {
    for (const workerId of this.#dead.splice(0)) this.heap.reclaim(workerId);
  }

  /** What everybody is doing, and the slots that are not free, one line each. */
  account(): string {
    const workers = this.ledger.pages
      .slice(0, this.#nextPage)
      .filter(({ steps, phase }) => steps > 0 || phase !== Phase.starting)
      .slice(-40)
      .map(({ number, workerId, steps, inHand }) => {
        const who = number < this.weather.survivors ? 'survivor' : 'victim';
        const where = `${this.ledger.phaseName(number)}, ${steps} steps, ${inHand} in hand`;
        return `${who} ${number}: ${where}, reservation ${workerId}`;
      });
    const slots = this.heap.stats().workers.map(({ slot, workerId, state }) => `slot ${slot}: ${state}, ${workerId}`);
    return [...workers, ...slots].join('\n');
  }

  async #start(fate: Fate): Promise<Victim> {
    const { heap, weather } = this;
    const page = this.#takePage();
    const reservation = fate.notice === 'watched' ? undefined : await this.#reserve(page);
    const token = reservation?.token ?? heap.token;
    const workerId = reservation?.workerId ?? 0;
    const child = fate.isParent ? await this.#reserveChild() : undefined;
    if (fate.scene === 'free') this.#stock(page);
    const random = new Random(weather.seed - page.number);
    const worker = weather.start('churn', {
      ...this.dataFor(page.number),
      token,
      again: isWatched(fate.notice) ? heap.token : undefined,
      scene: fate.scene,
      child: child?.data,
      ending: { kind: fate.ending === 'killed' ? 'none' : fate.ending, after: random.int(0, 20) },
    });
    if (isWatched(fate.notice)) heap.watch(worker.worker, reservation?.workerId);
    return { page, fate, worker, workerId, child, straw: [] };
  }

  #takePage(): Page {
    return this.ledger.pages[this.#nextPage++];
  }

  /** When all slots are taken, those that only the dead hold come back. */
  async #reserve(page: Page): Promise<Reservation> {
    let reservation = this.#tryReserve();
    const isReserved = (): boolean => {
      if (reservation === undefined) this.reclaimDead();
      reservation ??= this.#tryReserve();
      return reservation !== undefined;
    };
    await until(isReserved, 'a worker slot to come back');
    page.workerId = reservation!.workerId;
    return reservation!;
  }

  #tryReserve(): Reservation | undefined {
    try {
      return this.heap.reserve();
    } catch (error) {
      if ((error as HeapError).code === 'ERR_HEAP_WORKERS') return undefined;
      throw error;
    }
  }

  async #reserveChild(): Promise<NonNullable<Victim['child']> & { readonly data: object }> {
    const page = this.#takePage();
    const { token, workerId } = await this.#reserve(page);
    const own = { again: undefined, scene: undefined, child: undefined };
    return { page, workerId, data: { ...this.dataFor(page.number), ...own, token, workerId } };
  }

  /** Blocks of this thread on the page of a worker that is to free them: side by side, or one in every slab. */
  #stock(page: Page): void {
    const step = page.number % 2 === 0 ? 0 : 37;
    for (let entry = 0; entry < page.entries; entry++) {
      const bytes = 16 + entry * step;
      const address = this.heap.tryMalloc(bytes);
      if (address === 0) return;
      page.hold(entry, address, bytes);
      stamp(this.heap.u8, address, bytes, page.tag(entry));
      page.unmark(entry);
    }
  }

  async #kill(victim: Victim): Promise<void> {
    const { fate } = victim;
    if (!fate.isEarly) await this.#awaitCue(victim);
    if (fate.scene === undefined) await pause(fate.delayMs);
    else this.#play(victim);
    await this.#terminate(victim);
  }

  /** Until the worker is at work, or poised for its scene. */
  async #awaitCue({ page, fate, worker }: Victim): Promise<void> {
    const isAt = (phase: number): boolean => page.phase >= phase || worker.failure !== undefined;
    await until(() => isAt(Phase.attaching), `worker ${page.number} to start`);
    await comesTrue(() => isAt(fate.scene === undefined ? Phase.working : Phase.poised), CUE_WITHIN_MS);
  }

  async #terminate({ page, worker, child }: Victim): Promise<void> {
    await worker.kill();
    // One that was to throw by itself may have done so in the last moment.
    const isFine = worker.failure === undefined || worker.failure.message === 'as planned';
    ensure(isFine, () => `a worker failed before it was killed: ${worker.failure!.stack ?? ''}`);
    for (const { number, phase } of child === undefined ? [page] : [page, child.page]) {
      if (phase === Phase.stopped) this.figures.endings.refused++;
      else {
        this.figures.kills++;
        this.figures.killsByPhase[this.ledger.phaseName(number)]++;
      }
    }
  }

  /** Says go, and comes back when the kill is due. The thread is kept busy, for a timer would come much too late. */
  #play({ page, fate, straw }: Victim): void {
    page.go();
    const late = performance.now() + ON_STAGE_WITHIN_MS;
    while (page.phase === Phase.poised && performance.now() < late);
    const due = performance.now() + fate.delayMs;
    while (performance.now() < due) {
      if (fate.scene === 'reclaim') this.#feed(page, straw);
      // The victim frees blocks of this thread, which meets them on their way home.
      if (fate.scene === 'free') this.heap.collect();
    }
  }

  /** Gives a worker whose scene it is something to reclaim. */
  #feed(page: Page, straw: number[]): void {
    const last = straw.at(-1);
    if (last !== undefined && !page.post(last)) return;
    const reservation = this.#tryReserve();
    if (reservation !== undefined) straw.push(reservation.workerId);
  }

  async #awaitEnd(victim: Victim): Promise<void> {
    const { fate, worker } = victim;
    const isGone = await Promise.race([worker.gone, pause(END_WITHIN_MS)]);
    if (isGone === undefined) {
      await this.#terminate(victim);
      return;
    }
    await afterExit();
    const { failure } = worker;
    const isPlanned = fate.ending === 'throws' ? failure?.message === 'as planned' : failure === undefined;
    ensure(isPlanned, () => `a worker failed: ${failure?.stack ?? 'it did not throw'}`);
    if (fate.ending !== 'killed') this.figures.endings[fate.ending]++;
  }

  #notice({ page, fate, workerId, child, straw }: Victim): void {
    const { heap, ledger } = this;
    for (const id of straw) heap.reclaim(id);
    if (workerId !== 0) this.#dead.push(workerId);
    if (child !== undefined) this.#dead.push(child.workerId);
    const forOthers = fate.notice === 'reclaimed by a worker' || fate.notice === 'reclaimed by all at once';
    const isHanded = forOthers && ledger.market.leaveDead(page.number);
    if (fate.notice === 'reclaimed by hand' || fate.notice === 'reclaimed by all at once') heap.reclaim(workerId);
    if (fate.isInherited && !isHanded && fate.notice !== 'reclaimed at the end') page.inherit(heap);
  }
}
