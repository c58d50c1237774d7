import { type HeapErrorCode } from '../index.js';
import { ensure } from './ensure.js';
import { type Party } from './party.js';
import { type MisuseName } from './paths.js';
import { refused } from './refusal.js';
import { type Method } from './task.js';
import { type World } from './world.js';

/** A call that must be refused with this code, or return this and do nothing. */
export interface WrongCall {
  readonly text: string;
  readonly call: () => Promise<unknown>;
  readonly outcome: { readonly code: HeapErrorCode } | { readonly returns: unknown };
}

/** Who makes a mistake, and natural numbers to choose the mistake by. */
export interface Scene {
  readonly world: World;
  readonly party: Party;
  readonly rank: number;
  readonly detail: number;
}

/** What a mistake needs is prepared by legal calls; no wrong call means that the heap has nothing to make it with. */
export interface Misuse {
  readonly name: MisuseName;
  readonly prepare: (scene: Scene) => WrongCall[] | Promise<WrongCall[]>;
}

function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'object' && value !== null)
    return 'typedArray' in value ? String(value.typedArray) : Object.prototype.toString.call(value).slice(8, -1);
  return String(value);
}

function made(party: Party, method: Method, args: readonly unknown[], outcome: WrongCall['outcome']): WrongCall {
  return { text: `${method}(${args.map(show).join(', ')})`, call: () => party.call(method, ...args), outcome };
}

export const wrong = (code: HeapErrorCode, party: Party, method: Method, ...args: readonly unknown[]): WrongCall =>
  made(party, method, args, { code });

export const idle = (returns: unknown, party: Party, method: Method, ...args: readonly unknown[]): WrongCall =>
  made(party, method, args, { returns });

export const choose = <Item>(items: readonly Item[], detail: number): Item => items[detail % items.length];

/** Makes each call and sees how it ends. */
export async function refuseAll(calls: readonly WrongCall[]): Promise<void> {
  for (const { text, call, outcome } of calls) {
    if ('code' in outcome) {
      await refused(outcome.code, call(), text);
      continue;
    }
    const result = await call();
    ensure(result === outcome.returns, () => `${text} must return ${show(outcome.returns)}, it gave ${show(result)}`);
  }
}

/** Every method, called by somebody who has left. */
export function callsAfterDetach(party: Party, address: number, view: unknown): WrongCall[] {
  const type = { typedArray: 'Uint8Array' };
  const refuse = (...[method, ...args]: [Parameters<Party['call']>[0], ...unknown[]]): WrongCall =>
    wrong('ERR_HEAP_DETACHED', party, method, ...args);
  return [
    refuse('malloc', 16),
    refuse('malloc', 16, 64),
    refuse('tryMalloc', 16),
    refuse('calloc', 16),
    refuse('realloc', address, 32),
    refuse('realloc', 0, 32),
    refuse('free', address),
    refuse('free', view),
    refuse('usableSize', address),
    refuse('mallocMany', 16, 2),
    refuse('freeMany', [address]),
    refuse('alloc', type, 16),
    refuse('allocUnsafe', type, 16),
    refuse('view', type, address, 16),
    refuse('addressOf', view),
    refuse('resize', view, 64),
    refuse('collect'),
    refuse('stats'),
    refuse('check'),
    refuse('blocks'),
    refuse('reserve'),
    refuse('reclaim', 1),
    refuse('watch', {}),
  ];
}
