import { builtin } from './host.js';

/** What writing a file takes; Node's own functions. */
export interface Files {
  appendFileSync(path: string, text: string): void;
  writeFileSync(path: string, text: string): void;
  renameSync(from: string, to: string): void;
}

/** Undefined where the runtime has no files, or doesn't hand out its modules. */
export const files = (): Files | undefined => builtin<Files>('node:fs');
