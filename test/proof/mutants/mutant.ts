import type { Patch } from '../machine/compile.js';

/** A bug planted in the sources: one change, or a few that belong together. */
export interface Mutant {
  readonly name: string;
  /** What is broken. */
  readonly about: string;
  /** Path of the source file. */
  readonly file: string;
  /** Text that must occur exactly once, and what takes its place. */
  readonly edits: readonly (readonly [find: string, replace: string])[];
  /**
   * Where it is looked for first: the name of a scenario, with a `!` behind it its crash points, or the path of a test file.
   */
  readonly by?: string;
}

const countOf = (text: string, part: string): number => text.split(part).length - 1;

/** What is wrong with the edits of a mutant, given the text of its file as it is. */
export function misfits(mutant: Mutant, text: string): string[] {
  return mutant.edits.flatMap(([find, replace]) => {
    const count = countOf(text, find);
    if (count === 1 && find !== replace) return [];
    const what = count === 1 ? 'is replaced by itself' : `occurs ${count} times, not once`;
    return [`${mutant.name}: this text ${what} in ${mutant.file}: ${JSON.stringify(find)}`];
  });
}

/** The text of the mutant's file with its bug in it. Throws if the sources are no longer those it was written for. */
export function plant(mutant: Mutant, text: string): string {
  const complaints = misfits(mutant, text);
  if (complaints.length > 0) throw new Error(`${complaints.join('\n')}\nbring the table of mutants in step with src`);
  return mutant.edits.reduce((changed, [find, replace]) => changed.replace(find, () => replace), text);
}

/** For the stepped build. */
export function patchOf(mutant: Mutant): Patch {
  return (path, text) => (path === mutant.file ? plant(mutant, text) : text);
}
