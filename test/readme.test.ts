import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { snippetsIn, toJavaScript, typeErrorsIn, type Snippet } from './tidy/snippets.js';

const root = fileURLToPath(new URL('..', import.meta.url));

// Inside the package, so that a snippet's `import 'sabmalloc'` finds it, under a folder that git ignores.
mkdirSync(join(root, 'build'), { recursive: true });
const place = mkdtempSync(join(root, 'build', 'snippets-'));
afterAll(() => {
  rmSync(place, { recursive: true, force: true });
});

const documents = [
  'README.md',
  ...(existsSync(join(root, 'docs')) ? readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }) : [])
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].filter((name) => existsSync(join(root, name)));

/** Writes the snippets of one document into a folder of their own; gives the file that runs for each. */
function write(name: string, snippets: readonly Snippet[]): Map<Snippet, string> {
  const folder = join(place, name.replace(/[^\w.]/g, '-'));
  mkdirSync(folder, { recursive: true });
  const files = new Map<Snippet, string>();
  for (const snippet of snippets) {
    const base = join(folder, snippet.file?.replace(/\.[mc]?[jt]s$/, '') ?? `line-${snippet.line}`);
    // A worker's file keeps the name by which the others call it; a `.ts` one runs as the `.js` it becomes.
    const script = snippet.file !== undefined && !snippet.typed ? join(folder, snippet.file) : `${base}.js`;
    writeFileSync(script, toJavaScript(snippet));
    if (snippet.typed) writeFileSync(`${base}.ts`, snippet.text);
    files.set(snippet, script);
  }
  return files;
}

function run(script: string): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8', timeout: 50_000 });
  return { status, stdout, stderr };
}

describe('the snippets', () => {
  it('are there', () => {
    const readme = existsSync(join(root, 'README.md')) ? readFileSync(join(root, 'README.md'), 'utf8') : '';
    expect(snippetsIn(readme)).not.toEqual([]);
  });

  const written = documents.map((name) => {
    const snippets = snippetsIn(readFileSync(join(root, name), 'utf8'));
    return { name, files: write(name, snippets) };
  });

  it('have no type errors', () => {
    const typed = written.flatMap(({ files }) => [...files].filter(([{ typed }]) => typed));
    const sources = typed.map(([, script]) => script.replace(/\.js$/, '.ts'));
    expect(typeErrorsIn(sources, join(root, 'tsconfig.tools.json'))).toEqual([]);
  });

  for (const { name, files } of written) {
    const programs = [...files].filter(([snippet]) => snippet.file === undefined);
    it.each(programs.map(([snippet, script]) => ({ where: `${name}:${snippet.line}`, snippet, script })))(
      'run: $where',
      ({ snippet, script }) => {
        const { status, stdout, stderr } = run(script);
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        if (snippet.prints !== undefined) expect(stdout).toBe(snippet.prints);
      },
    );
  }
});

// Shows that a snippet that fails, prints something else or does not compile would be seen.
describe('the checker of snippets', () => {
  const fence = (info: string, text: string): string => `\`\`\`${info}\n${text}\n\`\`\`\n`;

  it('takes js and ts, and leaves what is marked no-run', () => {
    const markdown = ['js', 'ts', 'js no-run', 'ts no-run', 'sh', ''].map((info) => fence(info, info)).join('\n');
    expect(snippetsIn(markdown).map(({ text }) => text)).toEqual(['js\n', 'ts\n']);
  });

  it('takes as output only the text block that follows directly', () => {
    const program = fence('js', 'a');
    const output = fence('text', 'out');
    const prints = (between: string): unknown => snippetsIn(program + between + output)[0].prints;
    expect(['', '\n', '\nPrints:\n\n', '\nOne.\n\nTwo.\n', '\n# Heading\n'].map(prints)).toEqual([
      'out\n',
      'out\n',
      'out\n',
      undefined,
      undefined,
    ]);
    expect(snippetsIn(program + fence('sh', 'ls') + output)[0].prints).toBeUndefined();
  });

  it('runs a program, with a worker in a file of its own', () => {
    const worker = fence('ts file=worker.ts', "console.log('in the worker' as string);");
    const text = "import { Worker } from 'node:worker_threads';\nnew Worker(new URL('./worker.js', import.meta.url));";
    const snippets = snippetsIn(worker + fence('ts', text));
    const files = write('with-worker', snippets);
    expect(run(files.get(snippets[1])!)).toEqual({ status: 0, stdout: 'in the worker\n', stderr: '' });
  });

  it('sees a program that fails', () => {
    const [snippet] = snippetsIn(fence('js', "throw new Error('no');"));
    const [script] = write('failing', [snippet]).values();
    expect(run(script).status).toBe(1);
  });

  it('sees a type error', () => {
    const [snippet] = snippetsIn(fence('ts', "const a: number = 'no';"));
    const [script] = write('untypable', [snippet]).values();
    const errors = typeErrorsIn([script.replace(/\.js$/, '.ts')], join(root, 'tsconfig.tools.json'));
    expect(errors).toEqual([expect.stringMatching(/line-1\.ts:1: Type 'string' is not assignable/)]);
  });
});
