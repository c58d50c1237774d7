// The one module of the heap that names Atomics, with a point before each operation: `src/atomics/native.ts` of the stepped build.
import { m } from '../link.js';
export function* load(words, index, site) {
  m.signal = undefined;
  yield m.signal;
  return m.load(words, index, site);
}
export function* store(words, index, value, site) {
  m.storePoint(words, index);
  yield m.signal;
  m.store(words, index, value, site, false);
}
export function* add(words, index, value, site) {
  m.storePoint(words, index);
  yield m.signal;
  return m.update(words, index, words[index] + value, site);
}
export function* or(words, index, value, site) {
  m.storePoint(words, index);
  yield m.signal;
  return m.update(words, index, words[index] | value, site);
}
export function* and(words, index, value, site) {
  m.storePoint(words, index);
  yield m.signal;
  return m.update(words, index, words[index] & value, site);
}
export function* exchange(words, index, value, site) {
  m.storePoint(words, index);
  yield m.signal;
  return m.update(words, index, value, site);
}
export function* compareExchange(words, index, expected, value, site) {
  m.storePoint(words, index);
  yield m.signal;
  return m.compareExchange(words, index, expected, value, site);
}
export function* wait(words, index, expected, milliseconds, site) {
  m.storePoint(words, index);
  yield m.signal;
  if (m.load(words, index, site) !== expected) return 'not-equal';
  const sleeper = m.sleep(words, index, milliseconds);
  yield sleeper.mayGoOn;
  return m.rise(sleeper);
}
export function* notify(words, index, count) {
  m.storePoint(words, index);
  yield m.signal;
  return m.wake(index, count);
}
// Promises don't step: what doesn't block is tested with real threads.
export const waitAsync = () => {
  throw new Error('waitAsync has no stepped form');
};
