/** A heap, or code that uses one, did not do what its contract says. */
export class ContractError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ContractError';
  }
}

/** Throws a ContractError unless the condition holds. The message is made only then: loops ask a million times. */
export function ensure(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new ContractError(message());
}
