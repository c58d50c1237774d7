/** A hash that takes its data in parts, as `node:crypto` has it. */
export interface Hash {
  update(bytes: Uint8Array): this;
  digest(): Uint8Array;
}

interface HostProcess {
  getBuiltinModule?: (name: string) => { createHash?: (name: string) => Hash } | undefined;
}

/** The hash of a WebCrypto algorithm, in runtimes that have `node:crypto` and know it there. */
export function nodeHash(algorithm: string): Hash | undefined {
  if (!/^SHA-(1|256|384|512)$/i.test(algorithm)) return undefined;
  const { process } = globalThis as { process?: HostProcess };
  return process?.getBuiltinModule?.('node:crypto')?.createHash?.(algorithm.replace('-', '').toLowerCase());
}
