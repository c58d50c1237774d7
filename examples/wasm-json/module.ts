/** The module json.wasm: what it exports, and where it is. */
import { readFileSync } from 'node:fs';

export interface Json extends Record<string, unknown> {
  /** Takes the text over; returns the address of a value, or 0. */
  json_parse(text: number, length: number): number;
  json_drop(value: number): void;
  json_error_offset(): number;
}

// From build/examples/wasm-json, where this file runs, to the source, where the module lies.
const place = new URL('../../../examples/wasm-json/json.wasm', import.meta.url);

export const compileJson = (): WebAssembly.Module => new WebAssembly.Module(readFileSync(place));
