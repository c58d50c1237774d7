/** A process that hunts for mutants, one at a time. Whoever started it kills it when it says nothing for too long. */
import { MUTANTS } from './mutants.js';
import { hunt, type Catch } from './stepped.js';

/** What the process is asked: the name of a mutant, or null for the sources as they are. */
export interface Order {
  readonly name: string | null;
}

export type News =
  | { readonly at: string }
  | { readonly found: Catch | null }
  /** The mutant can't be planted or compiled. */
  | { readonly broken: string };

const send = (news: News): void => {
  process.send?.(news);
};

process.on('message', ({ name }: Order) => {
  const mutant = MUTANTS.find((one) => one.name === name);
  hunt(mutant, (at) => send({ at })).then(
    (found) => send({ found: found ?? null }),
    (error: unknown) => send({ broken: error instanceof Error ? error.message : String(error) }),
  );
});
