import ts from 'typescript';
import { fencesIn, type Fence } from './markdown.js';

/**
 * A program of a document. What the fence's info string says about it:
 * - `no-run`: leave it alone, it is a fragment;
 * - `file=NAME`: a file for the other programs of the document, such as a worker's; written, not run by itself.
 */
export interface Snippet {
  readonly line: number;
  readonly typed: boolean;
  readonly text: string;
  /** The name given by `file=`. */
  readonly file: string | undefined;
  /** What it must print: the `text` block that follows it, with at most one paragraph in between. */
  readonly prints: string | undefined;
}

const typed = ['ts', 'typescript'];
const untyped = ['js', 'javascript', 'mjs'];

function printedBy(next: Fence | undefined): string | undefined {
  const isOutput = next?.language === 'text' && !/\n\s*\n|^#/m.test(next.before.trim());
  return isOutput ? next.text : undefined;
}

export function snippetsIn(markdown: string): Snippet[] {
  const fences = fencesIn(markdown);
  return fences.flatMap((fence, index) => {
    if (![...typed, ...untyped].includes(fence.language) || fence.marks.includes('no-run')) return [];
    const file = fence.marks.find((mark) => mark.startsWith('file='))?.slice('file='.length);
    return {
      line: fence.line,
      typed: typed.includes(fence.language),
      text: fence.text,
      file,
      prints: file === undefined ? printedBy(fences[index + 1]) : undefined,
    };
  });
}

export function toJavaScript(snippet: Snippet): string {
  if (!snippet.typed) return snippet.text;
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  return ts.transpileModule(snippet.text, { compilerOptions }).outputText;
}

/** What the compiler says about the files, under the options of a configuration file. */
export function typeErrorsIn(files: readonly string[], configFile: string): string[] {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} };
  const config = ts.getParsedCommandLineOfConfigFile(configFile, { incremental: false, noEmit: true }, host);
  if (!config) return [`${configFile} cannot be read`];
  const options = { ...config.options, noUnusedLocals: false, noUnusedParameters: false };
  delete options.tsBuildInfoFile;
  const ambient = config.fileNames.filter((name) => name.endsWith('.d.ts'));
  const program = ts.createProgram([...files, ...ambient], options);
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const { file, start } = diagnostic;
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${file?.fileName ?? ''}:${line}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')}`;
  });
}
