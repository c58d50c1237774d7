declare const brand: unique symbol;
type Branded<Name extends string> = number & { readonly [brand]: Name };

/** A byte offset into the heap's buffer; what users see as an address. */
export type Address = Branded<'Address'>;
/** Number of a slice, counted from the start of the region. */
export type SliceIndex = Branded<'SliceIndex'>;
/** Number of a 16-byte granule, counted from the start of the region: a block's address in 28 bits, so always a small integer. */
export type Granule = Branded<'Granule'>;
/** Index of a 32-bit word in the heap's buffer. */
export type WordIndex = Branded<'WordIndex'>;
/** A size class, 1 .. CLASS_COUNT. */
export type ClassId = Branded<'ClassId'>;
/** A worker slot, 1 .. maxWorkers; 0 is nobody. */
export type Slot = Branded<'Slot'>;
/** A slot and its generation: names one attachment, never reused. */
export type WorkerId = Branded<'WorkerId'>;
