import { HeapError } from '../base/errors.js';
import type { TextTable } from '../memory/texts.js';

/** Number of a text; throws ERR_HEAP_OUT_OF_MEMORY when the table is full. */
export function internText(texts: TextTable, text: string): number {
  const number = texts.enter(text);
  if (number !== 0) return number;
  throw new HeapError(
    'ERR_HEAP_OUT_OF_MEMORY',
    `intern: the table of texts is full, ${text.length} more characters have no room. It grows with maxBytes, up to 32 KiB at 32 MiB; intern fewer or shorter texts`,
    { requestedBytes: text.length, option: 'maxBytes' },
  );
}
