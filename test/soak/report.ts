import { type machine } from '../../bench/environment.js';
import { type BrowserFigures } from './browser.js';
import { type Figures } from './figures.js';

/** Everything that a soak has to tell. */
export interface Outcome extends Figures {
  readonly seconds: number;
  readonly killsPerSecond: number;
  readonly seed: number;
  /** What runs the same again, but for the timing. */
  readonly command: string;
  readonly environment: ReturnType<typeof machine>;
  readonly browser: BrowserFigures | undefined;
  readonly failure: string | null;
}

const count = (value: number, what: string): string => `${value.toLocaleString('en')} ${what}${value === 1 ? '' : 's'}`;

const list = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

const killsOf = (shares: Record<string, { readonly kills: number }>): string =>
  list(Object.fromEntries(Object.entries(shares).map(([name, { kills }]) => [name, kills])));

function browserLines({ seconds, kills, count: calls, late, longestMs, waits }: BrowserFigures): string[] {
  return [
    `main thread that may not wait: ${count(calls, 'call')} in ${seconds} s beside ${count(kills, 'kill')}, ` +
      `${waits} would have waited, ${late} took longer than a frame, the longest ${longestMs.toFixed(1)} ms`,
  ];
}

/** The figures as lines for people. */
export function report(outcome: Outcome): string {
  const { rounds, kills, seconds, killsPerSecond, lost, inHand, spilt, browser, failure, environment } = outcome;
  const lines = [
    `${count(kills, 'kill')} in ${count(rounds, 'round')}, ${Math.round(seconds)} s, ${killsPerSecond} a second`,
    `killed while ${list(outcome.killsByPhase)}`,
    `went otherwise: ${list(outcome.endings)}; noticed: ${list(outcome.notices)}`,
    `${count(outcome.operations, 'operation')}, ${count(outcome.overflows, 'stack overflow')}, ` +
      `${count(outcome.refusals, 'refusal')}, ${count(outcome.growths, 'growth')}, ` +
      `${count(outcome.adoptions, 'adoption')}, ${count(outcome.reclaims, 'reclaim')}`,
    `${count(outcome.blocksWalked, 'block')} walked, none damaged; ${count(lost, 'block')} lost, ` +
      `of ${inHand} in the hands of the killed and ${spilt} in hands at an overflow`,
    `kills by memory: ${killsOf(outcome.backings)}`,
    `kills by preset: ${killsOf(outcome.presets)}`,
    `kills by size: ${killsOf(outcome.sizes)}`,
    ...(browser === undefined ? [] : browserLines(browser)),
    `node ${environment.node}, ${environment.cores} cores, ${environment.cpu}, ${environment.platform}`,
    `$ ${outcome.command}`,
    ...(failure === null ? [] : [`FAILED: ${failure}`]),
  ];
  return `${lines.join('\n')}\n`;
}
