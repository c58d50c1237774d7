/**
 * What a tool, such as the preload of `sabmalloc record`, wants of every heap that its thread makes or attaches to. Found at
 * `globalThis[Symbol.for('sabmalloc.overrides')]`, so that it reaches every copy of this package in the program. Its functions
 * must not throw, and `traced` must not call a heap: they run inside the program's own calls.
 */
export interface Overrides {
  /** Taken instead of the preset that a program names. */
  readonly preset?: unknown;
  /** Options that win over those of every `Heap.create`, and over the environment. */
  readonly options?: object;
  /** Told of every heap of the thread, once, with the `Heap` itself, and whether this thread made it or attached to it. */
  readonly opened?: (heap: object, isMade: boolean) => void;
  /**
   * Takes traced events, of a full ring or of a heap about to be left: six words each, TraceEventWord in docs/LAYOUT.md.
   * May be given the same events twice; NUMBER tells.
   */
  readonly traced?: (heapId: string, events: Uint32Array) => void;
}

const KEY = Symbol.for('sabmalloc.overrides');

/** Tells of a heap. A tool that fails must not fail the program. */
export function tellOpened(heap: object, isMade: boolean): void {
  try {
    overrides().opened?.(heap, isMade);
  } catch {
    // Its own affair.
  }
}

export function overrides(): Overrides {
  return (globalThis as { [KEY]?: Overrides })[KEY] ?? {};
}
