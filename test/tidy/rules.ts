import { posix } from 'node:path';
import ts from 'typescript';
import { importsOf, lineOf, parse, visitAll, type Source } from './source.js';

/** A rule looks at sources and returns what is wrong with them, one line each: `path:line: what`. */
export type Complaints = string[];

/** Rooms of src and the floor of each, from the table of its README. */
export type Floors = ReadonlyMap<string, number>;

export function parseFloors(markdown: string): Floors {
  const rows = markdown.matchAll(/^\|\s*(\d+)\s*\|\s*`([^`]+?)\/?`\s*\|/gm);
  return new Map([...rows].map(([, floor, room]) => [room, Number(floor)]));
}

/** The first part of a path within src: a folder's name, or that of a file at the top. */
export const roomOf = (path: string): string => path.split('/')[0];

/** The path within src that a specifier stands for; undefined where it leaves src. */
function target(path: string, specifier: string, aliases: ReadonlyMap<string, string>): string | undefined {
  const alias = aliases.get(specifier);
  if (alias !== undefined) return alias;
  if (!specifier.startsWith('.')) return undefined;
  const joined = posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts');
  return joined.startsWith('..') ? undefined : joined;
}

export function checkRooms(sources: readonly Source[], floors: Floors): Complaints {
  const rooms = new Set(sources.map((source) => roomOf(source.path)));
  return [
    ...[...rooms].filter((room) => !floors.has(room)).map((room) => `${room}: has no floor in src/README.md`),
    ...[...floors.keys()].filter((room) => !rooms.has(room)).map((room) => `src/README.md: ${room} is empty`),
  ];
}

export function checkFloors(
  sources: readonly Source[],
  floors: Floors,
  aliases: ReadonlyMap<string, string> = new Map(),
): Complaints {
  const complaints: Complaints = [];
  for (const source of sources) {
    const room = roomOf(source.path);
    for (const { specifier, line } of importsOf(source)) {
      const where = `${source.path}:${line}`;
      const to = target(source.path, specifier, aliases);
      if (to === undefined) {
        const fromNode = specifier.startsWith('node:') && room === 'platform';
        if (!fromNode) complaints.push(`${where}: imports ${specifier}, which is outside src`);
        continue;
      }
      const toRoom = roomOf(to);
      if (toRoom === room) continue;
      if (!((floors.get(toRoom) ?? Infinity) < (floors.get(room) ?? -Infinity))) {
        complaints.push(`${where}: ${room} imports ${toRoom}, which is on no lower floor`);
      }
    }
  }
  return complaints;
}

export function checkCycles(sources: readonly Source[], aliases: ReadonlyMap<string, string> = new Map()): Complaints {
  const edges = new Map(
    sources.map((source) => [
      source.path,
      importsOf(source).flatMap(({ specifier }) => target(source.path, specifier, aliases) ?? []),
    ]),
  );
  const complaints: Complaints = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) complaints.push(`${[...trail.slice(start), path].join(' -> ')}: an import cycle`);
    if (start >= 0 || done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return complaints;
}

export function checkAtomics(sources: readonly Source[]): Complaints {
  return sources
    .filter((source) => roomOf(source.path) !== 'atomics')
    .flatMap((source) => {
      const file = parse(source);
      const complaints: Complaints = [];
      visitAll(file, (node) => {
        if ((ts.isIdentifier(node) || ts.isStringLiteralLike(node)) && node.text === 'Atomics') {
          complaints.push(`${source.path}:${lineOf(file, node.getStart())}: names Atomics outside src/atomics`);
        }
      });
      return complaints;
    });
}

const platformNames = new Set(['process', 'self', 'navigator', 'window']);

/** Whether an identifier names a member (`x.self`, `{ self: 1 }`) and so not a global. */
function namesMember(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) {
    return parent.name === node && !(ts.isIdentifier(parent.expression) && parent.expression.text === 'globalThis');
  }
  if (ts.isQualifiedName(parent)) return parent.right === node;
  const member =
    ts.isPropertyAssignment(parent) ||
    ts.isClassElement(parent) ||
    ts.isTypeElement(parent) ||
    ts.isEnumMember(parent) ||
    ts.isNamedTupleMember(parent);
  return member && parent.name === node;
}

export function checkPlatform(sources: readonly Source[]): Complaints {
  return sources
    .filter((source) => roomOf(source.path) !== 'platform')
    .flatMap((source) => {
      const file = parse(source);
      const complaints: Complaints = [];
      const complain = (node: ts.Node, what: string): void => {
        complaints.push(`${source.path}:${lineOf(file, node.getStart())}: uses ${what} outside src/platform`);
      };
      visitAll(file, (node) => {
        if (ts.isIdentifier(node) && platformNames.has(node.text) && !namesMember(node)) complain(node, node.text);
        if (!ts.isStringLiteralLike(node)) return;
        const element = ts.isElementAccessExpression(node.parent) ? node.parent.expression : undefined;
        if (element?.getText() === 'globalThis' && platformNames.has(node.text)) complain(node, node.text);
        if (node.text.startsWith('node:')) complain(node, node.text);
      });
      return complaints;
    });
}

const isGenerated = (source: Source): boolean => source.path.endsWith('.generated.ts');

/** Lines of a text, not counting the empty one after the last line break. */
const linesIn = (text: string): number => text.replace(/\n$/, '').split('\n').length;

export function checkFileLength(sources: readonly Source[], most: number): Complaints {
  return sources
    .filter((source) => !isGenerated(source) && linesIn(source.text) > most)
    .map((source) => `${source.path}: ${linesIn(source.text)} lines, more than ${most}`);
}

export function checkFunctionLength(sources: readonly Source[], most: number): Complaints {
  return sources
    .filter((source) => !isGenerated(source))
    .flatMap((source) => {
      const file = parse(source);
      const complaints: Complaints = [];
      visitAll(file, (node) => {
        if (!ts.isFunctionLike(node)) return;
        const first = lineOf(file, node.getStart());
        const lines = lineOf(file, node.getEnd()) - first + 1;
        if (lines <= most) return;
        const name = node.name?.getText() ?? 'a function';
        complaints.push(`${source.path}:${first}: ${name} has ${lines} lines, more than ${most}`);
      });
      return complaints;
    });
}

export function checkUnfinished(sources: readonly Source[]): Complaints {
  return sources.flatMap((source) =>
    source.text
      .split('\n')
      .flatMap((line, index) => (/\b(TODO|FIXME|XXX)\b/.test(line) ? [`${source.path}:${index + 1}: unfinished`] : [])),
  );
}
