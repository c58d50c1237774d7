import { CLASS_BYTES } from '../layout/classes.js';

const CAPACITY_BLOCKS = 8192;

/**
 * Freed blocks that their worker holds back, the oldest first to leave. Only a list: in shared memory such a block looks as
 * if another worker had freed it and not yet told the owner, so if this worker dies, whoever takes over its slabs, or drains
 * them meanwhile, finds the block as it finds any other.
 */
export class Quarantine {
  private readonly limitBytes: number;
  private readonly granules = new Int32Array(CAPACITY_BLOCKS);
  private readonly classes = new Uint8Array(CAPACITY_BLOCKS);
  private readonly fills = new Uint8Array(CAPACITY_BLOCKS);
  private first = 0;
  private count = 0;
  private bytes = 0;
  lastClass = 0;
  lastFill = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  add(granule: number, classId: number, fill: number): void {
    const at = (this.first + this.count) % CAPACITY_BLOCKS;
    this.granules[at] = granule;
    this.classes[at] = classId;
    this.fills[at] = fill;
    this.count++;
    this.bytes += CLASS_BYTES[classId];
  }

  /** True while more is held back than may be, or the list has no room for another block. */
  isOver(): boolean {
    return this.bytes > this.limitBytes || this.count === CAPACITY_BLOCKS;
  }

  isEmpty(): boolean {
    return this.count === 0;
  }

  /** Takes the oldest off the list and returns its granule; `lastClass` and `lastFill` are of it afterwards. */
  shift(): number {
    const granule = this.granules[this.first];
    this.lastClass = this.classes[this.first];
    this.lastFill = this.fills[this.first];
    this.bytes -= CLASS_BYTES[this.lastClass];
    this.first = (this.first + 1) % CAPACITY_BLOCKS;
    this.count--;
    return granule;
  }
}
