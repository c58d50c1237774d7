import { builtin } from './host.js';

/** What happens to heaps, as Node's diagnostics_channel tells it: on channels `sabmalloc:create` and so on. */
export type Diagnostic = 'create' | 'attach' | 'detach' | 'grow' | 'adopt' | 'exhausted' | 'misuse';

interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: object): void;
}

interface DiagnosticsModule {
  channel(name: string): Channel;
}

const channels = new Map<Diagnostic, Channel | undefined>();

function channelOf(name: Diagnostic): Channel | undefined {
  if (!channels.has(name))
    channels.set(name, builtin<DiagnosticsModule>('node:diagnostics_channel')?.channel(`sabmalloc:${name}`));
  return channels.get(name);
}

type Listener = (name: Diagnostic, message: object) => void;

const listeners = new Set<Listener>();

/** Has a function of the package's own called with every message of this thread; returns what takes it back. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function send(name: Diagnostic, message: object): void {
  for (const listener of listeners) listener(name, message);
  channelOf(name)?.publish(message);
}

/** Whether anybody listens: to be asked before a message is made. False where the runtime has no such channels. */
export function isHeard(name: Diagnostic): boolean {
  return listeners.size > 0 || channelOf(name)?.hasSubscribers === true;
}

const waiting: { readonly name: Diagnostic; readonly message: object }[] = [];

/** Keeps a message from the midst of a change until `deliver`: a subscriber may call the heap. */
export function announce(name: Diagnostic, message: object): void {
  waiting.push({ name, message });
}

/** Sends what waits. To be called where the calling worker's books are in order. */
export function deliver(): void {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) send(next.name, next.message);
}

/** Sends a message, after those that wait. Nothing where nobody listens. */
export function publish(name: Diagnostic, message: object): void {
  if (waiting.length > 0) deliver();
  if (isHeard(name)) send(name, message);
}
