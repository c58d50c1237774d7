import { OPTIONS } from '../config/index.js';
import { Heap, type CreateOptions, type HeapToken } from '../index.js';
import { type Ending, perform, type Method, type Stamped, type Task } from './task.js';
import { type Thread, type ThreadPool } from './thread.js';

type Result<Name extends Method> = Awaited<ReturnType<Heap[Name]>>;

/** What stands between the fuzzer and the heap of this thread: an instrumented heap, or one with a planted bug. */
export type Wrap = (heap: Heap) => Heap;

/** One attachment to the heap, in this thread or in another, that does what it is told. */
export abstract class Party {
  /** Of the attachment it has, or had last. */
  workerId = 0;
  isAttached = false;

  constructor(readonly name: string) {}

  /** Rejects with what the task threw, wherever it ran. */
  abstract perform(task: Task): Promise<unknown>;
  protected abstract enter(token: HeapToken): Promise<number>;

  async attach(token: HeapToken): Promise<void> {
    this.workerId = await this.enter(token);
    this.isAttached = true;
  }

  async detach(): Promise<void> {
    await this.call('detach');
    this.isAttached = false;
  }

  /** Detaches if it is attached. False if that failed: the heap may be what a failing run has left. */
  async leave(): Promise<boolean> {
    try {
      if (this.isAttached) await this.detach();
      return true;
    } catch {
      return false;
    }
  }

  call<Name extends Method>(method: Name, ...args: readonly unknown[]): Promise<Result<Name>> {
    return this.perform({ do: 'call', method, args }) as Promise<Result<Name>>;
  }

  stamp(blocks: readonly Stamped[]): Promise<number[]> {
    return this.perform({ do: 'stamp', blocks }) as Promise<number[]>;
  }

  inspect(blocks: readonly Stamped[]): Promise<[index: number, byte: number] | undefined> {
    return this.perform({ do: 'inspect', blocks }) as Promise<[number, number] | undefined>;
  }

  nonZero(address: number, bytes: number): Promise<number> {
    return this.perform({ do: 'nonZero', address, bytes }) as Promise<number>;
  }

  fill(bytes: number): Promise<number[]> {
    return this.perform({ do: 'fill', bytes }) as Promise<number[]>;
  }
}

/** The thread that fuzzes: it made the heap, and looks at it between the calls of the others. */
export class MainParty extends Party {
  heap: Heap;

  constructor(
    options: CreateOptions,
    private readonly wrap: Wrap,
  ) {
    super('main');
    // Blocks are live at the end of every run: that is no leak.
    this.heap = wrap(Heap.create({ ...options, leakReport: OPTIONS.leakReport.default }));
    this.workerId = this.heap.workerId;
    this.isAttached = true;
  }

  // Async, so that what is thrown comes as a rejection, as from a worker.
  // eslint-disable-next-line @typescript-eslint/require-await
  override async perform(task: Task): Promise<unknown> {
    return perform(this.heap, task);
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  protected override async enter(token: HeapToken): Promise<number> {
    this.heap = this.wrap(Heap.attach(token));
    return this.heap.workerId;
  }
}

/** A party in a thread of its own, which may end and be followed by another. */
export class WorkerParty extends Party {
  private thread: Thread | undefined;

  constructor(
    index: number,
    private readonly pool: ThreadPool,
  ) {
    super(`worker ${index}`);
  }

  /** Whether it has left the heap but could still call it. */
  get isDetached(): boolean {
    return !this.isAttached && this.thread !== undefined && this.workerId !== 0;
  }

  override perform(task: Task): Promise<unknown> {
    return this.running().perform(task);
  }

  protected override enter(token: HeapToken): Promise<number> {
    this.thread ??= this.pool.take();
    return this.thread.attach(token);
  }

  /** What to `watch` for its end. */
  get watchable(): Thread['watchable'] {
    return this.running().watchable;
  }

  async end(ending: Ending): Promise<void> {
    const thread = this.running();
    this.isAttached = false;
    this.thread = undefined;
    await thread.end(ending);
  }

  /** Gives the thread back for the next heap. */
  async release(): Promise<void> {
    const { thread } = this;
    if (thread === undefined) return;
    if (await this.leave()) this.pool.give(thread);
    else await thread.end('terminated');
    this.thread = undefined;
  }

  private running(): Thread {
    if (this.thread === undefined) throw new Error(`${this.name} has ended`);
    return this.thread;
  }
}

/** Everybody who may be attached to the heap of one run, in the order in which they are numbered. */
export class Crew {
  readonly main: MainParty;
  readonly workers: readonly WorkerParty[];
  /** Worker ids of those that ended and that nobody has reclaimed yet. */
  readonly unreclaimed: number[] = [];

  constructor(options: CreateOptions, wrap: Wrap, workers: number, pool: ThreadPool) {
    this.main = new MainParty(options, wrap);
    this.workers = Array.from({ length: workers }, (_, index) => new WorkerParty(index + 1, pool));
  }

  async gather(): Promise<void> {
    for (const worker of this.workers) await worker.attach(this.main.heap.token);
  }

  attached(): Party[] {
    return [this.main, ...this.workers].filter(({ isAttached }) => isAttached);
  }

  /** Any of those attached: any natural number names one. */
  pick(rank: number): Party {
    const attached = this.attached();
    return attached[rank % attached.length];
  }

  pickWorker(rank: number): WorkerParty | undefined {
    const attached = this.workers.filter(({ isAttached }) => isAttached);
    return attached[rank % attached.length];
  }

  pickAway(rank: number): WorkerParty | undefined {
    const away = this.workers.filter(({ isAttached }) => !isAttached);
    return away[rank % away.length];
  }

  /** Whose attachment a worker id names; undefined if it is of none that are attached. */
  holderOf(workerId: number): Party | undefined {
    return this.attached().find((party) => party.workerId === workerId);
  }
}
