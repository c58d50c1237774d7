import { Headers } from '../config/options.js';
import type { Region } from '../memory/region.js';
import { Fill, isFreed } from './fill.js';
import { fillFreed, freedDamage, overheadBytes, readTrailer, wordsOfTrailer, writeTrailer } from './trailer.js';

/**
 * A live block of a worker that left and that never got its trailer: that worker was killed while it allocated it. It gets one
 * now, so that it isn't taken for one that was overrun.
 */
export function completeAdopted(region: Region, address: number, blockBytes: number): void {
  const { state } = wordsOfTrailer(region, address, blockBytes);
  if (isFreed(state) || readTrailer(region, address, blockBytes) !== undefined) return;
  const bytes = blockBytes - overheadBytes(Headers.FULL);
  const nobody = { serial: 0, allocatedBy: 0, allocatedAt: 0, freedBy: 0, freedAt: 0 };
  writeTrailer(region, address, blockBytes, { state: Fill.FRESH, bytes, ...nobody });
}

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
  fillFreed(region, address, blockBytes, Fill.ADOPTED);
  if (wasFreed) writeTrailer(region, address, blockBytes, { ...history, state: Fill.ADOPTED });
}
