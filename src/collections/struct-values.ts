import type { Heap } from '../index.js';
import type { StructOf } from '../structs/index.js';
import { Values, type ValueType } from './values.js';

interface AnyStruct {
  readonly address: number;
  free(): void;
}

/** What `struct()` returns, whatever its fields are. */
interface Definition {
  readonly name: string;
  in(heap: Heap): unknown;
}

/** What opens the structs of one definition in one heap. */
interface StructOpener<T> {
  readonly definition: { readonly text: string };
  follow(address: number): T;
  addressOf(value: unknown): number;
}

/** A definition of structs, whatever its fields: `StructDefinition` itself stands for one whose fields have any name. */
interface Definition {
  readonly name: string;
  in(heap: Heap): unknown;
}

class StructValues<T extends AnyStruct> extends Values<T> {
  override readonly text: string;

  constructor(private readonly type: StructOpener<T>) {
    super();
    this.text = type.definition.text;
  }

  override encode(value: T): void {
    this.low = this.type.addressOf(value) | 0;
    this.high = 0;
  }

  override peek(low: number): T {
    return this.type.follow(low >>> 0);
  }

  override take(low: number): T {
    return this.peek(low);
  }

  override free(low: number): void {
    this.peek(low).free();
  }

  override undo(): void {}
}

/** Structs of one definition. The collection owns them; what is taken out is freed by whoever took it. */
export function structs<D extends Definition>(definition: D): ValueType<StructOf<D>> {
  return { in: (heap) => new StructValues(definition.in(heap) as StructOpener<StructOf<D> & AnyStruct>) };
}
