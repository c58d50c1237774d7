import { now, stepsOf } from '../machine/stage.js';
import type { SyncActor, SyncStage } from '../machine/sync-stage.js';
import type { SyncModules, Steps } from '../machine/builds.js';
import { stepping } from './sync-cast.js';

/** Something that lives at an address, as `at` opens it. */
interface Opened {
  readonly address: number;
  dispose(): void;
}

/** What is known of one kind of collection: how it is made in setup, and opened by a thread. */
export interface Kind<T extends Opened> {
  make(modules: SyncModules, actor: SyncActor): T;
  open(modules: SyncModules, actor: SyncActor, address: number): T;
}

/** In setup: makes one, does what else is to be there, and tells each thread the address. */
export function setUp<T extends Opened>(stage: SyncStage, kind: Kind<T>, fill: (made: T) => void = () => {}): number[] {
  const made = now(stepsOf(kind.make(stage.modules, stage.actors[0])));
  fill(made);
  return stage.actors.map(() => made.address);
}

/** The collection as one thread has it, opened in each schedule anew: what it remembers of it is of this schedule then. */
export function* opened<T extends Opened>(actor: SyncActor, kind: Kind<T>, address: number): Steps<T> {
  return yield* stepsOf(kind.open(actor.stage.modules, actor, address));
}

/** A thread's call that puts something in, noted before and after. */
export function* putting(actor: SyncActor, value: string, call: () => unknown): Steps<void> {
  actor.notes.push(`begun ${value}`);
  yield* stepping(call);
  actor.notes.push(`put ${value}`);
}

/** A thread's call that takes something out, noted. */
export function* taking(actor: SyncActor, call: () => string | undefined): Steps<void> {
  const value = yield* stepsOf(call());
  if (value !== undefined) actor.notes.push(`took ${value}`);
}

const noted = (stage: SyncStage, what: string): string[] =>
  stage.actors
    .flatMap(({ notes }) => notes.filter((note) => note.startsWith(`${what} `)))
    .map((note) => note.slice(what.length + 1));

/** Somebody that is still there, as whom to look at what is left; undefined if all are dead. */
export function survivor(stage: SyncStage): SyncActor | undefined {
  const alive = stage.actors.find(({ thread }) => !stage.machine.crashed.has(thread));
  if (alive !== undefined) stage.machine.current = alive.thread;
  return alive;
}

/**
 * What was put in is there or was taken out, once, and nothing else; but what somebody had in hand who died. `left` is what is there at rest;
 * `atFirst` what setup put in.
 */
export function expectKept(stage: SyncStage, left: readonly string[], atFirst: readonly string[] = []): void {
  const found = [...left, ...noted(stage, 'took')];
  const begun = new Set([...noted(stage, 'begun'), ...atFirst]);
  if (new Set(found).size !== found.length) throw new Error(`something is there twice: ${found.join(' ')}`);
  const strange = found.filter((value) => !begun.has(value));
  if (strange.length > 0) throw new Error(`nobody put in ${strange.join(' ')}`);
  const lost = [...noted(stage, 'put'), ...atFirst].filter((value) => !found.includes(value));
  if (lost.length > stage.machine.crashed.size) throw new Error(`lost: ${lost.join(' ')}`);
}

/** Disposes of it as its maker does: of the blocks each death may have left one. */
export function expectFreed(stage: SyncStage, object: Opened): void {
  Reflect.set(object, 'isMaker', true);
  now(stepping(() => object.dispose()));
  const most = stage.machine.crashed.size;
  if (stage.liveBlocks > most) throw new Error(`${stage.liveBlocks} blocks are left, and ${most} have died`);
}
