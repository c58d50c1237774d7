import { type Heap, HeapError, registerShareable, SHAREABLE, type Shareable } from '../index.js';
import { differenceBetween } from './difference.js';
import { badValue } from './field.js';
import { free, type Owner } from './free.js';
import { Kind } from './header.js';

/** A definition in a heap as handles see it. */
interface Bound extends Owner {
  at(address: number): object;
  arrayAt(address: number): object;
  columnsAt(address: number): object;
}

/** A definition as handles see it. */
interface Shared {
  readonly name: string;
  readonly definition: string;
  in(heap: Heap): Bound;
}

/** Definitions of this thread by their texts: of those that are alike, the newest. */
const defined = new Map<string, Shared>();

/** Lets handles of structs, and of arrays of them, be opened and released in this thread: the text of the definition is the name of their type. */
export function enterShared(definition: Shared): void {
  const { definition: text } = definition;
  const isNew = !defined.has(text);
  defined.set(text, definition);
  if (!isNew) return;
  const boundIn = (heap: object): Bound => defined.get(text)!.in(heap as Heap);
  registerShareable(
    text,
    (block, second, heap) => openBlock(boundIn(heap), block, second & Kind.MASK),
    (block, second, heap) => free(boundIn(heap), block, second & Kind.MASK),
  );
}

function openBlock(bound: Bound, block: number, kind: Kind): object {
  if (kind === Kind.ROWS) return bound.arrayAt(block);
  return kind === Kind.COLUMNS ? bound.columnsAt(block) : bound.at(block);
}

/** Address of the struct or array that a handle names. */
export function addressShared({ heap, definition }: Pick<Owner, 'heap' | 'definition'>, handle: number): number {
  try {
    const value = heap.open<Partial<Shareable>>(handle);
    const form = value[SHAREABLE]?.();
    if (form !== undefined) return form.address;
  } catch (error) {
    throw explained(error, definition.definition);
  }
  throw badValue(`the handle ${String(handle)} names no ${definition.name}`, handle);
}

/** Where there is a struct of another definition, says in what they differ. */
function explained(error: unknown, here: string): unknown {
  const isOther =
    error instanceof HeapError && error.code === 'ERR_HEAP_DEFINITION' && typeof error['type'] === 'string';
  if (!isOther) return error;
  const { message, field } = differenceBetween(here, error['type'] as string);
  return new HeapError('ERR_HEAP_DEFINITION', `open: ${message}`, field === undefined ? {} : { field });
}
