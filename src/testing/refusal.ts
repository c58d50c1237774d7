import { HeapError, type HeapErrorCode } from '../index.js';
import { ContractError } from './ensure.js';

/** Waits for a call that must be refused with this code; gives the error for a closer look. */
export async function refused(code: HeapErrorCode, call: Promise<unknown>, text: string): Promise<HeapError> {
  let result: unknown;
  try {
    result = await call;
  } catch (error) {
    if (error instanceof HeapError && error.code === code && error.message !== '') return error;
    const got = error instanceof HeapError ? `${error.code}: ${error.message}` : String(error);
    throw new ContractError(`${text} must be refused with ${code}, got ${got}`);
  }
  throw new ContractError(`${text} must be refused with ${code}, but it returned ${String(result)}`);
}
