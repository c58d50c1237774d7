/** Every Nth on average, each call alike: what repeats in step with a fixed N is not missed. */
export class Sampler {
  private left = 0;
  private state = 0x2545f491;

  constructor(private readonly every: number) {
    this.left = this.next();
  }

  isDue(): boolean {
    if (this.every === 0) return false;
    if (--this.left > 0) return false;
    this.left = this.next();
    return true;
  }

  /** 1 to 2N - 1. Marsaglia, "Xorshift RNGs" (2003). */
  private next(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return 1 + ((this.state >>> 0) % Math.max(1, 2 * this.every - 1));
  }
}
