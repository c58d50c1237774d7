import * as atomics from '#atomics';
import { badDefinition, type FieldType, show, type Target } from './field.js';
import type { NamedRef, StructOf } from './types.js';

/** Definitions of this thread by name, for references that are given a name: the newest of each. */
const named = new Map<string, Target>();

export function enterName(target: Target): void {
  named.set(target.name, target);
}

/** What a reference is made from: a definition, or the name of one, which may come later. */
type RefTarget = Target & { readonly fieldsOf?: unknown };

/**
 * A reference to a struct that `create` made, or null. Loads and stores are atomic: who reads it sees everything that was
 * written to the struct before it was stored. Freeing the holder leaves the struct alone.
 */
export function ref<const Name extends string>(name: Name): NamedRef<Name>;
export function ref<T extends RefTarget>(definition: T): FieldType<StructOf<T> | null>;
export function ref(target: string | Target): FieldType {
  return reference('ref', target);
}

/**
 * The same, and the struct is freed with its holder. Of one struct only one holder may be freed; a cycle is freed as a whole. Storing
 * another reference frees nothing: what was owned before is yours again.
 */
export function owned<const Name extends string>(name: Name): NamedRef<Name>;
export function owned<T extends RefTarget>(definition: T): FieldType<StructOf<T> | null>;
export function owned(target: string | Target): FieldType {
  const type = reference('owned', target);
  return { ...type, owns: (holder) => resolve(target, holder) };
}

function reference(word: string, target: string | Target): FieldType {
  const name: unknown = typeof target === 'string' ? target : (target as Target | undefined)?.name;
  if (typeof name !== 'string')
    throw badDefinition(`${word} takes a definition or the name of one, not ${show(target)}`, { value: target });
  return {
    text: `${word}(${name})`,
    bytes: 4,
    alignment: 4,
    bind({ heap, views, holder }) {
      // Only when it is used: definitions may refer to each other in a circle, and to ones that come later.
      let opener: ReturnType<Target['in']> | undefined;
      const there = (): ReturnType<Target['in']> => (opener ??= resolve(target, holder).in(heap));
      return {
        get(at) {
          const address = atomics.load(views.i32, at >>> 2) >>> 0;
          return address === 0 ? null : there().follow(address);
        },
        set(at, value) {
          const address = value === null || value === undefined ? 0 : there().addressOf(value);
          // Publishes everything stored in the struct before.
          atomics.store(views.i32, at >>> 2, address);
        },
      };
    },
  };
}

function resolve(target: string | Target, holder: Target): Target {
  if (typeof target !== 'string') return target;
  if (target === holder.name) return holder;
  const found = named.get(target);
  if (found !== undefined) return found;
  throw badDefinition(`${holder.name} refers to ${target}, which this thread has not defined; define it first`, {
    struct: holder.name,
    name: target,
  });
}
