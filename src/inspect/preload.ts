import { writeSync } from 'node:fs';
import { type Worker } from 'node:worker_threads';
import { onHeapCreated } from './created.js';
import { lookInto, startServer } from './server.js';

/* `sabmalloc inspect live` has Node load this before the program: it shows every heap that the program makes. */

const STDERR = 2;
const port = Number(new URL(import.meta.url).searchParams.get('port') ?? 0);
let server: Worker | undefined;

onHeapCreated((heap) => {
  if (server === undefined) {
    server = startServer({ port, isForProgram: true });
    server.on('error', (error) => writeSync(STDERR, `sabmalloc: no more live pictures: ${error.message}\n`));
    server.unref();
  }
  lookInto(server, heap);
});
