import { Worker } from 'node:worker_threads';
import { type Heap, type HeapToken } from '../index.js';

/** What the thread of the server is started with. */
export interface ServerSetup {
  /** 0 for any that is free. */
  readonly port: number;
  /** Whether it says on standard error where it listens, and takes another port if the one wished for is taken. */
  readonly isForProgram: boolean;
}

/** What it is told. */
export type ServerOrder = { readonly token: HeapToken } | 'close';

/** What it says: where it listens, that it looks into a heap, or what went wrong. */
export interface ServerWord {
  readonly port?: number;
  readonly heapId?: string;
  readonly failure?: string;
}

/** Starts the server in a thread of its own, so that it answers while the program's main thread is busy. */
export function startServer(setup: ServerSetup): Worker {
  return new Worker(new URL('./server-thread.js', import.meta.url), { workerData: setup, execArgv: [], env: {} });
}

/** Lets the server look into a heap. Nothing here holds the heap: who drops it may have it collected. */
export function lookInto(server: Worker, { token }: Heap): void {
  server.postMessage({ token } satisfies ServerOrder);
}

export interface ServeOptions {
  /** Port to listen on; any free one if not given. */
  readonly port?: number;
}

export interface HeapServer {
  /** Where to look: `http://127.0.0.1:<port>/`. */
  readonly url: string;
  /** Ends the server and its attachment. */
  close(): Promise<void>;
}

/**
 * Serves a live picture of a heap on this machine alone, from a thread of its own, which attaches to the heap as one more
 * worker. It doesn't keep the program running. Rejects if the port is taken or the heap has no room for another worker.
 */
export async function serveHeap(heap: Heap, { port = 0 }: ServeOptions = {}): Promise<HeapServer> {
  const server = startServer({ port, isForProgram: false });
  heap.watch(server);
  lookInto(server, heap);
  const gone = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const close = (): Promise<void> => {
    server.ref();
    server.postMessage('close' satisfies ServerOrder);
    return gone;
  };
  let listensOn = 0;
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.on('message', ({ port: open, heapId, failure }: ServerWord) => {
      if (open !== undefined) listensOn = open;
      if (failure !== undefined) void close().then(() => reject(new Error(failure)));
      if (heapId === undefined) return;
      server.unref();
      resolve({ url: `http://127.0.0.1:${listensOn}/`, close });
    });
  });
}
