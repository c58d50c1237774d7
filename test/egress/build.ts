import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

/** test/egress/program.ts with the package in it, as one module that any runtime takes. */
export async function builtProgram(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('program.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    external: ['node:*'],
    write: false,
    logLevel: 'silent',
  });
  return outputFiles[0].text;
}
