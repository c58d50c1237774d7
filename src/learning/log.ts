/** What the learners of one worker decided, row by row, until somebody writes it down. Full: rows are dropped and counted. */

export const enum Knob {
  CAPACITY,
  REFILL,
  EMPTY_SLABS,
  TRIM_SHIFT,
}

const KNOBS: Readonly<Record<Knob, string>> = {
  [Knob.CAPACITY]: 'caches,capacity',
  [Knob.REFILL]: 'caches,refill',
  [Knob.EMPTY_SLABS]: 'memory,emptySlabsKept',
  [Knob.TRIM_SHIFT]: 'memory,trimShift',
};

/** `refills` is the clock, refills of the worker so far; class 0 is all of them; `dropped` counts the rows that are missing above. */
export const LOG_HEADER = 'refills,class,learner,knob,from,to,misses,spills,dropped\n';

const enum Row {
  REFILLS,
  CLASS,
  KNOB,
  FROM,
  TO,
  MISSES,
  SPILLS,
  WORDS,
}

const ROWS_MOST = 4096;

export class LearningLog {
  private readonly cells = new Int32Array(ROWS_MOST * Row.WORDS);
  private rows = 0;
  dropped = 0;

  add(refills: number, classId: number, knob: Knob, from: number, to: number, misses: number, spills: number): void {
    if (this.rows === ROWS_MOST) {
      this.dropped++;
      return;
    }
    const at = this.rows * Row.WORDS;
    this.cells[at + Row.REFILLS] = refills;
    this.cells[at + Row.CLASS] = classId;
    this.cells[at + Row.KNOB] = knob;
    this.cells[at + Row.FROM] = from;
    this.cells[at + Row.TO] = to;
    this.cells[at + Row.MISSES] = misses;
    this.cells[at + Row.SPILLS] = spills;
    // Last: a row that a stack overflow cut short is none.
    this.rows++;
  }

  /** The rows so far as lines of CSV; they are forgotten once `put` has returned, and count as dropped if it throws. */
  drain(put: (lines: string) => void): void {
    const { rows } = this;
    if (rows === 0) return;
    const lines = Array.from({ length: rows }, (_, row) => this.lineOf(row)).join('');
    this.rows = 0;
    try {
      put(lines);
    } catch (error) {
      this.dropped += rows;
      throw error;
    }
  }

  private lineOf(row: number): string {
    const [refills, classId, knob, from, to, misses, spills] = this.cells.subarray(
      row * Row.WORDS,
      (row + 1) * Row.WORDS,
    );
    return `${refills},${classId},${KNOBS[knob as Knob]},${from},${to},${misses >>> 0},${spills >>> 0},${this.dropped}\n`;
  }
}
