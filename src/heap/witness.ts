import * as atomics from '#atomics';
import { HeapError } from '../base/errors.js';
import { Headers } from '../config/options.js';
import { inWords, type Provenance } from '../debug/provenance.js';
import type { Sites } from '../debug/sites.js';
import { readTrailer, type Damage, type History } from '../debug/trailer.js';
import { CLASS_BYTES, Classes } from '../layout/classes.js';
import { Kind } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { HeaderWord, SliceWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { sliceWord } from '../pages/descriptor.js';
import { parseWorkerId } from '../registry/slots.js';
import { enclosingBlock, sliceOfAddress, tellMisuse } from './lookup.js';

/** Puts what blocks carry into errors: who allocated and who freed them, and where. */
export class Witness {
  private readonly region: Region;
  private readonly sites: Sites;
  private readonly isFull: boolean;

  constructor(region: Region, sites: Sites, headers: number) {
    this.region = region;
    this.sites = sites;
    this.isFull = headers === Headers.FULL;
  }

  /** The error for a block found written where it must not be; counts it. */
  damaged(
    kind: 'overrun' | 'use after free',
    when: string,
    address: number,
    damage: Damage,
    bytes: number,
    history: History | undefined,
  ): HeapError {
    atomics.add(this.region.i32, this.region.header + HeaderWord.X_DAMAGES, 1);
    const what =
      kind === 'overrun'
        ? `${when}: the block at ${address} was written past its end: ${bytes} bytes are its own, the first change is at byte ${damage.address - address}`
        : `use after free: the block at ${address}, ${bytes} bytes, was written after it was freed: ${damage.bytes} of its bytes changed, the first is byte ${damage.address - address}; found ${when}`;
    const details = this.detailsOf(history);
    const error = new HeapError('ERR_HEAP_CORRUPT', `${what}${inWords(details)}`, {
      kind,
      address,
      sizeBytes: bytes,
      damageAddress: damage.address,
      damageBytes: damage.bytes,
      ...details,
    });
    return tellMisuse(this.region, when, error);
  }

  /** An error about an address, with what is known about the block that is or was there. */
  explained(error: HeapError, address: unknown): HeapError {
    if (!this.isFull) return error;
    const start = error['kind'] === 'interior' ? enclosingBlock(this.region, address as number) : address;
    const history = this.historyAt(start);
    if (history === undefined) return error;
    const details = this.detailsOf(history);
    if (start !== address)
      error.message += `\n  byte ${(address as number) - (start as number)} of the block at ${String(start)}, ${history.bytes} bytes`;
    error.message += inWords(details);
    return Object.assign(error, details);
  }

  /** What the trailer of a block says that begins at the address, live or not. */
  private historyAt(address: unknown): History | undefined {
    const { region } = this;
    const slice = sliceOfAddress(region, address);
    if (slice < 0) return undefined;
    if (region.isStale()) region.renew();
    const kind = region.i32[region.map + slice] & Kind.MASK;
    const slices = region.u32[sliceWord(region, slice, SliceWord.X_COUNT)];
    const size =
      kind >= 1 && kind <= Classes.COUNT
        ? CLASS_BYTES[kind]
        : kind === Kind.SPAN && slices <= region.limit - slice
          ? slices * Geometry.SLICE_BYTES
          : 0;
    if (size === 0 || (address as number) % Geometry.GRANULE_BYTES !== 0) return undefined;
    const isInside = (address as number) + size <= region.addressOf(region.limit);
    return isInside ? readTrailer(region, address as number, size) : undefined;
  }

  private detailsOf(history: History | undefined): Provenance {
    if (history === undefined) return {};
    const { allocatedBy, freedBy } = history;
    const allocatedAt = this.sites.textOf(history.allocatedAt);
    if (parseWorkerId(this.region, allocatedBy) === undefined) return {};
    const freedAt = this.sites.textOf(history.freedAt);
    return {
      allocatedBy,
      ...(allocatedAt === undefined ? {} : { allocatedAt }),
      ...(freedBy === 0 ? {} : { freedBy: Math.abs(freedBy) }),
      ...(freedAt === undefined ? {} : { freedAt }),
    };
  }
}
