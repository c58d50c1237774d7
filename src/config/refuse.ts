import { HeapError } from '../base/errors.js';

export function refuse(message: string, details: Record<string, unknown>): never {
  throw new HeapError('ERR_HEAP_CONFIG', message, details);
}
