import { listen, type Diagnostic } from '../platform/diagnostics.js';
import { say } from '../platform/host.js';

/** Puts what happens to a heap in this thread on the console; returns what ends that. Mistakes are thrown: who makes them sees them. */
export function openEventLog(heapId: string): () => void {
  return listen((name, message) => {
    const { heapId: of, ...numbers } = message as Readonly<Record<string, unknown>>;
    if (of === heapId && name !== 'misuse') say(`sabmalloc: ${inWords(name, numbers)}`);
  });
}

function inWords(name: Diagnostic, numbers: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(numbers).filter(([, value]) => typeof value !== 'object');
  return [name, ...shown.map(([key, value]) => `${key} ${String(value)}`)].join(', ');
}
