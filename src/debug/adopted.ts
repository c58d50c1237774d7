import { Headers } from '../config/options.js';
import type { Region } from '../memory/region.js';
import { Fill, isFreed } from './fill.js';
import {
  eraseTrailer,
  fillFreed,
  freedDamage,
  overheadBytes,
  readTrailer,
  fillSlack,
  writeTrailer,
} from './trailer.js';

/**
 * A live block that a worker was about to hand out, or to free, when it was killed is a block like any other: it gets a trailer
 * that says so, as far as what was there tells.
 */
export function completeAdopted(region: Region, address: number, blockBytes: number): void {
  const known = readTrailer(region, address, blockBytes);
  if (known?.state === Fill.FRESH) return;
  const bytes = known?.bytes ?? blockBytes - overheadBytes(Headers.FULL);
  const { serial, allocatedBy, allocatedAt } = known ?? NOBODY;
  fillSlack(region, address, bytes, blockBytes);
  writeTrailer(region, address, blockBytes, {
    state: Fill.FRESH,
    bytes,
    serial,
    allocatedBy,
    allocatedAt,
    freedBy: 0,
    freedAt: 0,
  });
}

const NOBODY = { serial: 0, allocatedBy: 0, allocatedAt: 0 } as const;

/**
 * Fills a free block that came with a slab of a worker that left. One that was written after it was freed is left as it is,
 * so that whoever allocates it sees that.
 */
export function fillAdopted(region: Region, address: number, blockBytes: number, headers: number): void {
  if (headers !== Headers.FULL) {
    region.u8.fill(Fill.ADOPTED, address, address + blockBytes - overheadBytes(headers));
    return;
  }
  const history = readTrailer(region, address, blockBytes);
  const wasFreed = history !== undefined && isFreed(history.state);
  if (wasFreed && freedDamage(region, address, blockBytes, history.state) !== undefined) return;
  // Erased first: a worker killed in here leaves memory of which nothing is said.
  eraseTrailer(region, address, blockBytes);
  fillFreed(region, address, blockBytes, Fill.ADOPTED);
  if (wasFreed) writeTrailer(region, address, blockBytes, { ...history, state: Fill.ADOPTED });
}
