// What the rewritten sources import: the machine, set by `link`, and helpers for generators.
export let m;
export const link = (machine) => {
  m = machine;
};
class Value {
  constructor(value) {
    this.value = value;
  }
}
export const $value = (value) => new Value(value);
export const $isValue = (x) => x instanceof Value;
/** Runs a generator to its end in one go. */
export const $now = (generator) => {
  for (;;) {
    const { done, value } = generator.next();
    if (done) return value;
    if (typeof value === 'symbol')
      throw new Error('a thread dies where it has no points, in a constructor or a getter');
  }
};
export function* $collect(source) {
  const found = [];
  for (;;) {
    const { done, value } = source.next();
    if (done) return found;
    if (value instanceof Value) found.push(value.value);
    else yield value;
  }
}
export function* $filter(list, keep) {
  const kept = [];
  for (const x of list) if (yield* keep(x)) kept.push(x);
  return kept;
}
export function* $some(list, test) {
  for (const x of list) if (yield* test(x)) return true;
  return false;
}
export function* $map(list, map) {
  const mapped = [];
  for (const x of list) mapped.push(yield* map(x));
  return mapped;
}
