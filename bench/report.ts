import Table from 'cli-table3';
import { OWN, type Result } from './spec.js';

/** The last line of `--json` output: one object. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;

export function printTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const table = new Table({
    head: [...head],
    style: { head: [], border: [] },
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
  });
  table.push(...rows.map((row) => [...row]));
  process.stdout.write(`${table.toString()}\n`);
}

export function printResult(result: Result): void {
  const { cases = [], memory, replay } = result;
  const name = `${result.bench}, ${result.workers} worker${result.workers === 1 ? '' : 's'}`;
  printTable(
    ['bench', 'M ops/s', 'ns/op', 'seconds'],
    [{ label: name, mops: result.mops, seconds: result.seconds }, ...cases].map((row) => [
      row.label,
      row.mops.toFixed(2),
      (1000 / row.mops).toFixed(2),
      row.seconds.toFixed(4),
    ]),
  );
  const lines = [
    `${result.rounds} rounds measured after ${result.warmupRounds} of warm-up; an op is one malloc or one free.`,
    `checksum ${result.checksum}, seed ${result.seed}, ${whatOf(result)}, ${result.runtime}`,
  ];
  if (memory !== undefined) lines.push(`committed at the peak: ${mib(memory.peakCommittedBytes)}`);
  if (replay?.committedPerLive !== undefined) {
    lines.push(
      `${replay.events} events of ${replay.trace}: ${replay.nsPerEvent} ns each; live at the peak when recorded: ` +
        `${mib(replay.peakLiveBytes)}, committed / live: ${replay.committedPerLive}`,
    );
  }
  if (result.verify) {
    // Only our own heap can be asked.
    lines.push(
      `All blocks held what was written to them${result.allocator === OWN ? '; the heap is empty and sound' : ''}.`,
    );
  }
  process.stdout.write(`${lines.join('\n')}\n$ ${result.environment.command}\n`);
}

const whatOf = ({ allocator, preset }: Result): string => (allocator === OWN ? `preset ${preset}` : allocator);
