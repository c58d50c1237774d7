import { ARGUMENTS } from './programs/arguments.js';
import { DOUBLE_FREES, INTERIOR_FREES, WILD_FREES } from './programs/frees.js';
import { HANDLES } from './programs/handles.js';
import { ATTACHING, DEPARTURES } from './programs/lives.js';
import { MAKING } from './programs/making.js';
import { OVERWRITES } from './programs/overwrites.js';
import { REMOTE } from './programs/remote.js';
import { VIEWS } from './programs/views.js';
import { type Misuse } from './scene.js';

/** Every mistake we know of that a user can make with a heap, and what becomes of it. */
export const CATALOGUE: Readonly<Record<string, readonly Misuse[]>> = {
  'Freeing twice': DOUBLE_FREES,
  'Freeing what is inside a block': INTERIOR_FREES,
  'Freeing what is no block': WILD_FREES,
  'Frees of other workers': REMOTE,
  Arguments: ARGUMENTS,
  Views: VIEWS,
  Handles: HANDLES,
  'Leaving and dying': DEPARTURES,
  Attaching: ATTACHING,
  'Making a heap': MAKING,
  'Writing where one should not': OVERWRITES,
};

export interface CatalogueRow {
  readonly chapter: string;
  readonly name: string;
  /** The code of the error; `none` where nothing happens. */
  readonly code: Misuse['code'];
}

/** The catalogue as a table, for documents. */
export function catalogueRows(): CatalogueRow[] {
  return Object.entries(CATALOGUE).flatMap(([chapter, misuses]) =>
    misuses.map(({ name, code }) => ({ chapter, name, code })),
  );
}
