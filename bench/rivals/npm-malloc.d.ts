declare module 'malloc' {
  export default class Allocator {
    constructor(buffer: ArrayBuffer);
    /** 0 where there is no room. */
    alloc(bytes: number): number;
    free(address: number): number;
  }
}
