type AtomicName = 'load' | 'store' | 'add' | 'and' | 'or' | 'exchange' | 'compareExchange';
type Operation = (words: Int32Array, index: number, ...values: readonly number[]) => number;

/** What another worker does just before an atomic operation of the one under test. */
export interface Interruption {
  readonly before: AtomicName;
  /** Index of the word that the operation is on; any if it isn't said. */
  readonly word?: number;
  readonly meanwhile: Operation | (() => unknown);
}

/** Runs `work`, which others interrupt in this order, each once. Returns how many of them came to it. */
export function interrupted(interruptions: readonly Interruption[], work: () => void): number {
  const originals = new Map(interruptions.map(({ before }) => [before, Atomics[before] as Operation]));
  let next = 0;
  let isInside = false;
  const hook =
    (name: AtomicName, original: Operation): Operation =>
    (words, index, ...values) => {
      const due = isInside ? undefined : interruptions.at(next);
      if (due?.before === name && (due.word ?? index) === index) {
        next++;
        isInside = true;
        due.meanwhile(words, index, ...values);
        isInside = false;
      }
      return original(words, index, ...values);
    };
  for (const [name, original] of originals) Object.assign(Atomics, { [name]: hook(name, original) });
  try {
    work();
  } finally {
    Object.assign(Atomics, Object.fromEntries(originals));
  }
  return next;
}
