import type { HeapErrorCode, HeapToken } from '../index.js';

/** The `workerData` of a pool's workers. */
export interface PoolWorkerData {
  readonly token: HeapToken;
  readonly workerData: unknown;
}

/** What a task is sent. */
export interface TaskMessage {
  readonly args: unknown;
  /** Where the journal of its blocks begins. */
  readonly journal: number;
}

export interface TaskResult {
  readonly result: unknown;
}

/** An error of the heap goes as data, since errors lose their own properties on the way. */
export interface TaskFailure {
  readonly failure: { readonly code: HeapErrorCode; readonly message: string; readonly details: object };
}

/** What a task answers, if it doesn't throw. */
export type TaskAnswer = TaskResult | TaskFailure;
