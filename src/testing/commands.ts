import fc from 'fast-check';
import {
  Allocate,
  AllocateMany,
  ALLOCATING_CALLS,
  AllocateView,
  Exhaust,
  OUTS,
  Reallocate,
  ReallocateNothing,
  ReallocateSpan,
  Resize,
  VIEW_CALLS,
} from './allocations.js';
import { alignments, ranks, sizes } from './arbitraries.js';
import { Command, type HeapCommand } from './command.js';
import { Bury, Come, End, Leave, NOTICES, ReserveAll, Silence } from './departures.js';
import {
  Collect,
  Free,
  FREE_FORMS,
  FreeMany,
  FreeManyUpToWrong,
  FreeNothing,
  Inspect,
  WRONG_ENTRIES,
} from './frees.js';
import { Mistake } from './mistakes.js';
import { type Misuse } from './misuse.js';
import { MISUSES_OF_ONE, MISUSES_OF_SEVERAL } from './misuses.js';
import { type Party } from './party.js';
import { ENDINGS } from './task.js';
import { TYPES } from './typed-arrays.js';
import { type World } from './world.js';

/** A call of the guest's. */
class GuestStep extends Command {
  constructor(
    private readonly rank: number,
    private readonly random: number,
  ) {
    super(0);
  }

  override toString(): string {
    return `guest step #${this.rank} (${this.random})`;
  }

  protected override async act(world: World, party: Party): Promise<void> {
    const { guests, heap, model } = world;
    const name = guests.nameOf(this.rank);
    world.note(`- ${name}(${this.random})`);
    await world.attempt(guests.step(name, this.random), 'request refused by a full heap');
    guests.recount(heap, model);
    await world.intact(party, model.blocks());
  }

  protected override actor(world: World): Party {
    return world.crew.main;
  }
}

/** So many more times than a command of weight 1. */
function weighted(
  weight: number,
  command: fc.Arbitrary<HeapCommand>,
): { weight: number; arbitrary: fc.Arbitrary<HeapCommand> } {
  return { weight, arbitrary: command };
}

type Choices = readonly { weight: number; arbitrary: fc.Arbitrary<HeapCommand> }[];

const type = (): fc.Arbitrary<number> => fc.nat({ max: TYPES.length - 1 });

/** A few, or now and then enough to overflow a worker's cache. */
const count = (): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 1, max: 20 }) },
    { weight: 2, arbitrary: fc.integer({ min: 21, max: 300 }) },
  );

function allocations(largest: number): Choices {
  const elements = sizes(Math.max(8, Math.floor(largest / 8)));
  const inBatch = fc.oneof(
    { weight: 3, arbitrary: sizes(Math.min(largest, 4096)) },
    { weight: 1, arbitrary: fc.constantFrom(Math.min(largest, 1300), Math.min(largest, 2500)) },
  );
  return [
    weighted(
      10,
      fc
        .tuple(ranks(), fc.constantFrom(...ALLOCATING_CALLS), sizes(largest), alignments())
        .map((args) => new Allocate(...args)),
    ),
    weighted(
      4,
      fc.tuple(ranks(), inBatch, count(), fc.constantFrom(...OUTS)).map((args) => new AllocateMany(...args)),
    ),
    weighted(
      3,
      fc.tuple(ranks(), fc.constantFrom(...VIEW_CALLS), type(), elements).map((args) => new AllocateView(...args)),
    ),
    weighted(
      4,
      fc.tuple(ranks(), ranks(), sizes(largest)).map((args) => new Reallocate(...args)),
    ),
    weighted(
      2,
      fc.tuple(ranks(), ranks(), fc.integer({ min: 40, max: 250 })).map((args) => new ReallocateSpan(...args)),
    ),
    weighted(
      1,
      fc.tuple(ranks(), sizes(largest)).map((args) => new ReallocateNothing(...args)),
    ),
    weighted(
      3,
      fc.tuple(ranks(), ranks(), type(), elements).map((args) => new Resize(...args)),
    ),
    weighted(
      1,
      fc.tuple(ranks(), fc.integer({ min: 16, max: 128 })).map((args) => new Exhaust(...args)),
    ),
  ];
}

function frees(): Choices {
  const wrong = fc.tuple(ranks(), ranks(), fc.integer({ min: 1, max: 20 }), fc.constantFrom(...WRONG_ENTRIES));
  return [
    weighted(
      8,
      fc.tuple(ranks(), ranks(), fc.constantFrom(...FREE_FORMS)).map((args) => new Free(...args)),
    ),
    weighted(
      5,
      fc.tuple(ranks(), ranks(), count()).map((args) => new FreeMany(...args)),
    ),
    weighted(
      1,
      wrong.map((args) => new FreeManyUpToWrong(...args)),
    ),
    weighted(
      1,
      ranks().map((who) => new FreeNothing(who)),
    ),
    weighted(
      2,
      ranks().map((who) => new Collect(who)),
    ),
    weighted(
      2,
      fc.tuple(ranks(), ranks(), type()).map((args) => new Inspect(...args)),
    ),
  ];
}

function mistakes(workers: number): Choices {
  const among = (misuses: readonly Misuse[]): fc.Arbitrary<HeapCommand> =>
    fc.tuple(ranks(), fc.constantFrom(...misuses), ranks(), ranks()).map((args) => new Mistake(...args));
  const alone = weighted(8, among(MISUSES_OF_ONE));
  return workers === 0 ? [alone] : [alone, weighted(2, among(MISUSES_OF_SEVERAL))];
}

function departures(workers: number): Choices {
  const alone = [
    weighted(
      1,
      ranks().map((who) => new Leave(who)),
    ),
    weighted(
      1,
      ranks().map((who) => new ReserveAll(who)),
    ),
  ];
  if (workers === 0) return alone;
  const ends = fc.tuple(ranks(), ranks(), fc.constantFrom(...ENDINGS), fc.constantFrom(...NOTICES));
  return [
    ...alone,
    weighted(
      4,
      fc.tuple(ranks(), ranks(), fc.boolean()).map((args) => new Come(...args)),
    ),
    weighted(
      2,
      ends.map((args) => new End(...args)),
    ),
    weighted(
      1,
      fc.tuple(ranks(), ranks()).map((args) => new Bury(...args)),
    ),
    weighted(
      1,
      fc.tuple(ranks(), ranks()).map((args) => new Silence(...args)),
    ),
  ];
}

export interface CommandOptions {
  /** Largest request, at least 8 bytes. */
  readonly largest: number;
  /** Workers besides the main thread; 0 for a single thread. */
  readonly workers: number;
  readonly maxCommands: number;
  /** Whether a guest takes part. */
  readonly hasGuest?: boolean;
  /** What fast-check's report of a failure says of it, to replay that. */
  readonly replayPath?: string | undefined;
}

/** Sequences of calls, right and wrong, of everybody attached to a heap. They shrink to what a failure needs. */
export function heapCommands(options: CommandOptions): fc.Arbitrary<Iterable<HeapCommand>> {
  const { largest, workers, maxCommands, hasGuest = false, replayPath } = options;
  const guest = weighted(
    30,
    fc.tuple(ranks(), ranks()).map((args) => new GuestStep(...args)),
  );
  const choices = [
    ...allocations(largest),
    ...frees(),
    ...mistakes(workers),
    ...departures(workers),
    ...(hasGuest ? [guest] : []),
  ];
  return fc.commands([fc.oneof(...choices)], {
    maxCommands,
    size: 'max',
    ...(replayPath === undefined ? {} : { replayPath }),
  });
}
