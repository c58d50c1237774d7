import { Headers } from '../config/options.js';
import type { Region } from '../memory/region.js';
import { Fill, isFreed } from './fill.js';
import { eraseTrailer, fillFreed, freedDamage, overheadBytes, readTrailer, writeTrailer } from './trailer.js';

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
