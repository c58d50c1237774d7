import { availableParallelism, cpus, loadavg } from 'node:os';
import { flagsOf, type Environment, type Spec } from './spec.js';

export const commandOf = (spec: Spec): string => ['npm run bench --', ...flagsOf(spec).map(quote)].join(' ');

const quote = (word: string): string => (/^[\w.,:/=-]+$/.test(word) ? word : `'${word}'`);

export function environment(spec: Spec): Environment {
  return { ...machine(), command: commandOf(spec) };
}

export function machine(): Omit<Environment, 'command'> {
  return {
    node: process.version,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    loadAverage: loadavg().map((load) => Number(load.toFixed(2))),
    platform: `${process.platform} ${process.arch}`,
  };
}

/** A line to stderr when others use the machine: its numbers would be theirs as well. */
export function warnOfLoad(): void {
  const [load] = loadavg();
  const cores = availableParallelism();
  if (load < cores / 2) return;
  process.stderr.write(`The load is ${load.toFixed(1)} on ${cores} cores: expect noise.\n`);
}
