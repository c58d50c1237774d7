/** A worker that lives for one generation: frees what an earlier worker left, leaves as much for the next one, and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { Draw } from '../bench/draw.js';
import { withAddresses } from '../bench/entry.js';
import { drain, fill } from '../bench/loops/churn.js';
import { enter } from '../bench/rivals/enter.js';
import { type Ticket } from '../bench/rivals/ground.js';
import { slotsAt } from '../bench/slots.js';
import { type Spec } from '../bench/spec.js';

export interface ShortLivedData {
  readonly ticket: Ticket;
  readonly spec: Spec;
  readonly tables: SharedArrayBuffer;
  readonly index: number;
  readonly generation: number;
  /** The last generation only frees. */
  readonly fills: boolean;
}

async function live({ ticket, spec, tables, index, generation, fills }: ShortLivedData): Promise<number> {
  const entry = withAddresses(await enter(ticket));
  const marks = entry.marksFor(spec);
  const draw = new Draw({ ...spec, seed: spec.seed + generation }, index);
  const slots = slotsAt(tables, spec.workers, spec.slots, index);
  if (generation > 0) drain(entry.heap, slots, marks);
  if (fills) fill(entry.heap, slots, draw, marks);
  entry.leave();
  return draw.checksum;
}

parentPort?.postMessage(await live(workerData as ShortLivedData));
