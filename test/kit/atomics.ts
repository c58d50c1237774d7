const NAMES = ['load', 'store', 'add', 'or', 'and', 'exchange', 'compareExchange', 'wait', 'notify'] as const;
type AtomicName = (typeof NAMES)[number];
const originals = Object.fromEntries(NAMES.map((name) => [name, Atomics[name]])) as Record<AtomicName, unknown>;

/** Counts every call of `Atomics` that `work` makes, whoever makes it. */
export function countAtomics(work: () => void): number {
  let calls = 0;
  for (const name of NAMES) {
    const original = originals[name] as (...args: unknown[]) => unknown;
    Object.assign(Atomics, {
      [name]: (...args: unknown[]) => {
        calls++;
        return original(...args);
      },
    });
  }
  try {
    work();
  } finally {
    Object.assign(Atomics, originals);
  }
  return calls;
}
