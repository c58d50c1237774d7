import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { isAbove, ROOT, SRC, type Patch } from './compile.js';
import { Transform } from './transform.js';

const ATOMICS = 'src/atomics/native.ts';
const STEPPED = (file: string): string => fileURLToPath(new URL(`stepped/${file}`, import.meta.url));

function programOf(patch: Patch): ts.Program {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const parsed = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const options: ts.CompilerOptions = {
    ...parsed.options,
    declaration: false,
    declarationMap: false,
    sourceMap: false,
    incremental: false,
    noEmitOnError: false,
    removeComments: true,
  };
  delete options.tsBuildInfoFile;
  const host = ts.createCompilerHost(options);
  const { readFile } = host;
  host.readFile = (path) => {
    const text = readFile(path);
    return text === undefined || !resolve(path).startsWith(SRC)
      ? text
      : patch(relative(ROOT, resolve(path)).split(sep).join('/'), text);
  };
  const roots = parsed.fileNames.filter((path) => !isAbove(relative(SRC, path).split(sep).join('/')));
  return ts.createProgram(roots, options, host);
}

function moduleText(out: string, path: string, text: string, stepped: boolean): string {
  const up = relative(dirname(path), out).split(sep).join('/') || '.';
  const linked = text.replaceAll(/'#atomics'/g, `'${up}/atomics/native.js'`);
  if (!stepped) return linked;
  const imports = `import { m, $value, $isValue, $now, $collect, $filter, $some, $map } from '${up}/link.js';\n`;
  if (path.endsWith(join('platform', 'host.js')))
    return (
      imports + linked.replace('export function threadTag() {', 'export function threadTag() { return m.threadTag();')
    );
  if (path.endsWith(join('records', 'wait.js'))) return imports + linked.replace('performance.now()', 'm.clock');
  return imports + linked;
}

/** Compiles the sources into `out`, stepped or as they are. */
export function emit(patch: Patch, out: string, stepped: boolean): void {
  const program = programOf(patch);
  const temporary = `${out}.${process.pid}`;
  const files = program.getSourceFiles().filter((file) => file.fileName.startsWith(SRC) && !file.isDeclarationFile);
  const transform = stepped ? new Transform(program, files, ATOMICS) : undefined;
  const write: ts.WriteFileCallback = (path, text) => {
    const target = join(temporary, relative(join(ROOT, 'dist'), path));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, moduleText(temporary, target, text, stepped));
  };
  program.emit(undefined, write, undefined, false, transform && { before: [transform.factory] });
  writeFileSync(join(temporary, 'package.json'), '{ "type": "module" }');
  if (stepped) {
    copyFileSync(STEPPED('atomics.js'), join(temporary, 'atomics/native.js'));
    copyFileSync(STEPPED('link.js'), join(temporary, 'link.js'));
  }
  writeFileSync(join(temporary, 'sites.json'), JSON.stringify(transform?.sites ?? []));
  rmSync(out, { recursive: true, force: true });
  renameSync(temporary, out);
}
