/**
 * A hold on a shared object, for `using`: taken by `heap.hold`, given up once, by `release()` or when it is disposed. If it and its
 * value are dropped instead, the garbage collector tells the heap, and a later `collect()` of this worker gives it up.
 */
export class Hold<Value extends object = object> {
  private readonly onDropped: (hold: Hold) => void;
  readonly handle: number;
  /** What the handle opens. Keeps the hold, as long as it is in use itself. */
  readonly value: Value;
  private isOver = false;

  constructor(onDropped: (hold: Hold) => void, handle: number, value: Value) {
    this.onDropped = onDropped;
    this.handle = handle;
    this.value = value;
  }

  /** Gives the hold up; the last one frees the object. Doing it again does nothing. */
  release(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onDropped(this);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
