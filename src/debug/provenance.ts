/** Who allocated and who freed a block, and where. */
export interface Provenance {
  readonly allocatedBy?: number;
  readonly allocatedAt?: string;
  readonly freedBy?: number;
  readonly freedAt?: string;
}

/** As lines that go behind the message of an error. */
export function inWords({ allocatedBy, allocatedAt, freedBy, freedAt }: Provenance): string {
  const line = (what: string, by: number | undefined, at: string | undefined): string =>
    by === undefined ? '' : `\n  ${what} by worker ${by}${at === undefined ? '' : ` at ${at}`}`;
  return line('allocated', allocatedBy, allocatedAt) + line('freed', freedBy, freedAt);
}
