import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { News, Order } from './child.js';
import type { Mutant } from './mutant.js';
import { isTestFile, PrivateCopy } from './native.js';
import { CONTROLS, type MutantRow } from './report.js';
import { COMPILING, type Catch } from './stepped.js';

/**
 * Whoever says nothing for so long hangs, in a loop that no schedule ends. On an idle machine the longest scenario takes a
 * tenth of it; on a busy one it must not be taken for a hang.
 */
const SILENCE_MS = { compile: 300_000, explore: 90_000, crash: 180_000 };

/** A process and a copy of the tree in which mutants are hunted for, one after the other. */
class Lane {
  private child: ChildProcess | undefined;
  private copy: PrivateCopy | undefined;

  constructor() {
    // A child in an endless loop would survive this process.
    process.once('exit', () => this.close());
  }

  private process(): ChildProcess {
    if (this.child?.connected !== true)
      this.child = fork(fileURLToPath(new URL('child.ts', import.meta.url)), {
        execArgv: ['--import', 'tsx', '-C', 'source'],
      });
    return this.child;
  }

  /** A process that has died or hangs is replaced by the next mutant's. */
  private dismiss(): void {
    this.child?.removeAllListeners();
    this.child?.kill('SIGKILL');
    this.child = undefined;
  }

  private stepped(mutant: Mutant | undefined): Promise<Catch | undefined> {
    const child = this.process();
    return new Promise((resolve, reject) => {
      let at = COMPILING;
      let timer: NodeJS.Timeout;
      const end = (): void => {
        clearTimeout(timer);
        child.removeAllListeners();
      };
      const giveUp = (message: string): void => {
        end();
        this.dismiss();
        resolve({ by: at, message });
      };
      const listen = (): void => {
        clearTimeout(timer);
        const doing = at === COMPILING ? 'compile' : at.endsWith('!') ? 'crash' : 'explore';
        const limit = SILENCE_MS[doing];
        timer = setTimeout(() => giveUp(`no end after ${limit / 1000} s`), limit);
      };
      child.on('message', (news: News) => {
        if ('at' in news) {
          ({ at } = news);
          listen();
          return;
        }
        end();
        if ('broken' in news) reject(new Error(news.broken));
        else resolve(news.found ?? undefined);
      });
      child.on('exit', (code, signal) => giveUp(`the process ended by ${signal ?? `code ${code}`}`));
      listen();
      child.send({ name: mutant?.name ?? null } satisfies Order);
    });
  }

  private native(mutant: Mutant | undefined, file?: string): Promise<Catch | undefined> {
    this.copy ??= new PrivateCopy();
    return this.copy.test(mutant, file);
  }

  /** The test that it names first; then the scenarios; then all tests. */
  private async hunt(mutant: Mutant): Promise<Catch | undefined> {
    const named = isTestFile(mutant.by) ? await this.native(mutant, mutant.by) : undefined;
    return named ?? (await this.stepped(mutant)) ?? (await this.native(mutant));
  }

  async row(subject: Mutant | (typeof CONTROLS)[number]): Promise<MutantRow> {
    const began = performance.now();
    const { name, about } =
      typeof subject === 'string'
        ? { name: subject, about: 'the sources as they are: nothing may be caught' }
        : subject;
    const head = { name, about };
    const seconds = (): number => Math.round((performance.now() - began) / 100) / 10;
    try {
      const caught = await (typeof subject !== 'string'
        ? this.hunt(subject)
        : subject === CONTROLS[0]
          ? this.stepped(undefined)
          : this.native(undefined));
      if (caught === undefined) return { ...head, outcome: 'survived', seconds: seconds() };
      return { ...head, outcome: 'caught', caught, seconds: seconds() };
    } catch (error) {
      return {
        ...head,
        outcome: 'broken',
        reason: error instanceof Error ? error.message : String(error),
        seconds: seconds(),
      };
    }
  }

  close(): void {
    this.dismiss();
    this.copy?.close();
  }
}

export interface MutantsOptions {
  /** Hunts at once. */
  readonly jobs: number;
  /** Whether the sources as they are pass the same run. */
  readonly withControls: boolean;
  onRow?(row: MutantRow, done: number, total: number): void;
}

/** Plants each mutant alone and lets the suite look for it. Rows come back in the order of the mutants, controls first. */
export async function runMutants(mutants: readonly Mutant[], options: MutantsOptions): Promise<MutantRow[]> {
  const subjects = [...(options.withControls ? CONTROLS : []), ...mutants];
  const rows: MutantRow[] = [];
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    const lane = new Lane();
    try {
      while (next < subjects.length) {
        const index = next++;
        rows[index] = await lane.row(subjects[index]);
        options.onRow?.(rows[index], ++done, subjects.length);
      }
    } finally {
      lane.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.jobs, subjects.length) }, work));
  return rows;
}
