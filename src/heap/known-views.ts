import type { Region } from '../memory/region.js';
import { Geometry } from '../layout/geometry.js';
import type { TypedArray, TypedArrayConstructor } from './arrays.js';
import type { DebugLayer } from './debug.js';

const enum Table {
  /** Views remembered at most: a few hundred bytes each. */
  VIEWS = 1024,
  /** Keeps the upper 10 bits of a 32-bit product. */
  SHIFT = 22,
  /** 2^32 divided by the golden ratio: neighbours among the addresses land far apart (Knuth, TAOCP 6.4). */
  MULTIPLIER = 0x9e3779b1,
}

/**
 * Views that alloc() made, by the address of their block. Making a view costs the engine many times what a block costs, so
 * when a block is allocated again with the type and the length it had before, its view is handed out again; and a view
 * found here is known to be of this heap's memory, without asking the engine. Each place holds one view; a newer one
 * replaces an older one, which then costs what it costs without this table. Functions for the reason given in fast.ts.
 */
export function openKnownViews(region: Region) {
  const views = new Array<TypedArray | undefined>(Table.VIEWS).fill(undefined);
  const types = new Array<TypedArrayConstructor | undefined>(Table.VIEWS).fill(undefined);
  const addresses = new Uint32Array(Table.VIEWS);
  const lengths = new Uint32Array(Table.VIEWS);
  /** The buffer of all views in the table; when the region's buffer is another one, they are forgotten. */
  let buffer = region.buffer;

  /** The view of `length` elements over the block at `address`, the one it had before if that fits. */
  function at<View extends TypedArray>(type: TypedArrayConstructor<View>, address: number, length: number): View {
    const place = placeOf(address);
    const isKnown = addresses[place] === address && lengths[place] === length && types[place] === type;
    return isKnown && buffer === region.buffer ? (views[place] as View) : make(type, address, length);
  }

  function make<View extends TypedArray>(type: TypedArrayConstructor<View>, address: number, length: number): View {
    if (buffer !== region.buffer) {
      views.fill(undefined);
      addresses.fill(0);
      buffer = region.buffer;
    }
    const view = new type(buffer, address, length);
    const place = placeOf(address);
    views[place] = view;
    types[place] = type;
    addresses[place] = address;
    lengths[place] = length;
    return view;
  }

  /** Address of a view in the table; 0 for everything else. */
  function addressOf(view: TypedArray | null | undefined): number {
    try {
      const address = byteOffsetOf.call(view as TypedArray);
      return views[placeOf(address)] === view ? address : 0;
    } catch {
      return 0;
    }
  }

  return { at, addressOf };
}

/** The same where each block has a view of its own, so that one of a block that was freed is told from its successor's. */
export function openFreshViews(region: Region, debug: DebugLayer): KnownViews {
  return {
    at: (type, address, length) => {
      const view = new type(region.buffer, address, length);
      debug.enterView(view);
      return view;
    },
    addressOf: () => 0,
  };
}

export type KnownViews = ReturnType<typeof openKnownViews>;

/** The getter of `byteOffset`, which throws for everything but typed arrays. Called by itself it takes V8 half the time. */
const { get: byteOffsetOf } = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  'byteOffset',
) as unknown as { readonly get: (this: TypedArray) => number };

function placeOf(address: number): number {
  return Math.imul(address >>> Geometry.GRANULE_SHIFT, Table.MULTIPLIER) >>> Table.SHIFT;
}
