/** How far a long piece of work has come: a bar on a terminal, a few plain lines anywhere else, on stderr. */
import { SingleBar } from 'cli-progress';

const LINES_PER_WORK = 4;

export type ProgressStyle = 'bar' | 'lines' | 'none';

export class Progress {
  private readonly bar: SingleBar | undefined;
  private done = 0;
  private linesPrinted = 0;
  private readonly interrupt = () => {
    this.stop();
    process.exit(130);
  };

  /** `detail` says what there is to say beside the bar; it is asked whenever some work is done. */
  constructor(
    private readonly style: ProgressStyle,
    private readonly label: string,
    private readonly total: number,
    private readonly detail: () => string,
  ) {
    if (style !== 'bar') return;
    // The bar's own handler of Ctrl-C restores the terminal but swallows the interrupt.
    process.once('SIGINT', this.interrupt);
    this.bar = new SingleBar({
      format: `${label} {bar} {percentage} %  {detail}`,
      barCompleteChar: '\u2588',
      barIncompleteChar: '\u2591',
      barsize: 16,
      hideCursor: true,
      linewrap: false,
      autopadding: true,
      gracefulExit: false,
    });
    this.bar.start(total, 0, { detail: detail() });
  }

  add(amount: number): void {
    this.done += amount;
    this.bar?.update(this.done, { detail: this.detail() });
    if (this.style === 'lines') this.printLine();
  }

  stop(): void {
    process.removeListener('SIGINT', this.interrupt);
    this.bar?.stop();
  }

  private printLine(): void {
    const share = this.done / this.total;
    const linesDue = Math.floor(share * LINES_PER_WORK);
    if (linesDue === this.linesPrinted) return;
    this.linesPrinted = linesDue;
    process.stderr.write(`${this.label} ${`${Math.floor(share * 100)}`.padStart(3)} %  ${this.detail()}\n`);
  }
}
