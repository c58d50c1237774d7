import { HeapError } from '../index.js';
import { bytesOf } from './staging.js';

/** What browsers' ImageData has. */
interface Image {
  readonly data: { set(bytes: Uint8Array): void };
  readonly width: number;
  readonly height: number;
}

/** The runtime's ImageData, where the program's types know it. */
type ImageOfRuntime = typeof globalThis extends { ImageData: { prototype: infer Known } } ? Known : Image;

/**
 * An ImageData with a view's bytes as they are now, four a pixel: red, green, blue, alpha. `into` is one of before, of the
 * same width and height: it is filled again and returned. Throws ERR_HEAP_VALUE for a view that is no whole number of
 * rows, and ERR_HEAP_CONFIG in runtimes without ImageData.
 */
export function toImageData(view: ArrayBufferView, width: number, into?: ImageOfRuntime): ImageOfRuntime {
  const bytes = bytesOf('toImageData', view);
  const rowBytes = 4 * width;
  const height = bytes.length / rowBytes;
  if (!Number.isInteger(width) || width < 1 || height < 1 || !Number.isInteger(height))
    throw new HeapError(
      'ERR_HEAP_VALUE',
      `toImageData: ${bytes.length} bytes are no whole number of rows of ${width} pixels of 4 bytes`,
      { bytes: bytes.length, width },
    );
  const image = into?.width === width && into.height === height ? into : newImage(width, height);
  image.data.set(bytes);
  return image;
}

function newImage(width: number, height: number): ImageOfRuntime {
  const { ImageData } = globalThis as { ImageData?: new (width: number, height: number) => ImageOfRuntime };
  if (ImageData === undefined)
    throw new HeapError('ERR_HEAP_CONFIG', 'toImageData: this runtime has no ImageData; toUnshared() gives the bytes');
  return new ImageData(width, height);
}
