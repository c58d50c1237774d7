import type { Heap } from '../index.js';
import { bytesOf, staging, STAGING_BYTES } from './staging.js';
import { takes } from './support.js';

/** As of TextDecoder. */
export interface DecodeTextOptions {
  /** Label of the encoding; UTF-8 if none is given. */
  readonly encoding?: string;
  /** Throw TypeError for bytes that are no text, instead of U+FFFD in their place. */
  readonly fatal?: boolean;
  /** Keep a byte order mark as a character. */
  readonly ignoreBOM?: boolean;
}

const encoder = new TextEncoder();
let decoder: InstanceType<typeof TextDecoder> | undefined;
let decoderOptions: DecodeTextOptions = {};

function newDecoder({
  encoding,
  fatal = false,
  ignoreBOM = false,
}: DecodeTextOptions): InstanceType<typeof TextDecoder> {
  return new TextDecoder(encoding, { fatal, ignoreBOM });
}

/** The decoder of the call before, if that had the same options: making one takes longer than decoding a short text. */
function decoderFor(options: DecodeTextOptions): InstanceType<typeof TextDecoder> {
  const { encoding, fatal, ignoreBOM } = decoderOptions;
  const isSame = encoding === options.encoding && fatal === options.fatal && ignoreBOM === options.ignoreBOM;
  if (decoder === undefined || !isSame) {
    decoder = newDecoder(options);
    decoderOptions = { ...options };
  }
  return decoder;
}

/**
 * The text in a view's bytes. Throws RangeError for an encoding that the runtime doesn't know. What other threads write
 * meanwhile may or may not be seen.
 */
export function decodeText(view: ArrayBufferView, options: DecodeTextOptions = {}): string {
  const bytes = bytesOf('decodeText', view);
  if (takes('decodeText', bytes.buffer)) return decoderFor(options).decode(bytes);
  if (bytes.length <= STAGING_BYTES) {
    const part = staging(bytes.length);
    part.set(bytes);
    return decoderFor(options).decode(part);
  }
  return decodeInParts(bytes, newDecoder(options));
}

function decodeInParts(bytes: Uint8Array, decoder: InstanceType<typeof TextDecoder>): string {
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; at += STAGING_BYTES) {
    const part = staging(Math.min(STAGING_BYTES, bytes.length - at));
    part.set(bytes.subarray(at, at + part.length));
    texts.push(decoder.decode(part, { stream: true }));
  }
  texts.push(decoder.decode());
  return texts.join('');
}

/** Writes as much of a text as there is room for, in UTF-8, whole characters only: `read` UTF-16 units, `written` bytes. */
export function encodeInto(text: string, view: ArrayBufferView): { read: number; written: number } {
  const bytes = bytesOf('encodeInto', view);
  if (takes('encodeInto', bytes.buffer)) return encoder.encodeInto(text, bytes);
  let [read, written] = [0, 0];
  for (;;) {
    const part = staging(Math.min(STAGING_BYTES, bytes.length - written));
    const step = encoder.encodeInto(text.slice(read), part);
    bytes.set(part.subarray(0, step.written), written);
    read += step.read;
    written += step.written;
    if (step.read === 0 || read === text.length) return { read, written };
  }
}

/** A text in UTF-8 in a block of its own, which the caller frees by the view. Takes a heap or a scope of one. */
export function encodeText(heap: Pick<Heap, 'allocUnsafe'>, text: string): Uint8Array<SharedArrayBuffer> {
  const view = heap.allocUnsafe<Uint8Array<SharedArrayBuffer>>(Uint8Array, utf8Bytes(text));
  encodeInto(text, view);
  return view;
}

/** Bytes of a text in UTF-8. Half a pair of surrogates is written as U+FFFD, of three bytes as well. */
function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) bytes += unit < 0x800 ? 1 : 2;
    const isPair = unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
    // Four bytes for two units, of which one has been counted with three.
    if (isPair) i++;
  }
  return bytes;
}
