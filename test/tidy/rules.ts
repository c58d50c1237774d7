import { posix } from 'node:path';
import ts from 'typescript';
import { importsOf, lineOf, parse, visitAll, type Source } from './source.js';

/** A rule looks at sources and returns what is wrong with them, one line each: `path:line: what`. */
export type Complaints = string[];

/** A row of the table in the README of src. */
export interface Room {
  readonly floor: number;
  /** Packages, modules of node (`node:*` for any) and global names that only rooms which list them may use. */
  readonly outside: readonly string[];
}

/** Rooms of src by name. */
export type Floors = ReadonlyMap<string, Room>;

export function parseFloors(markdown: string): Floors {
  const rows = markdown.matchAll(/^\|\s*(\d+)\s*\|\s*`([^`]+?)\/?`\s*\|[^|]*\|([^|\n]*)\|/gm);
  const namesIn = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
  return new Map([...rows].map(([, floor, room, cell]) => [room, { floor: Number(floor), outside: namesIn(cell) }]));
}

function allows(floors: Floors, room: string, name: string): boolean {
  const outside = floors.get(room)?.outside ?? [];
  return outside.includes(name) || (name.startsWith('node:') && outside.includes('node:*'));
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
        if (!allows(floors, room, specifier)) complaints.push(`${where}: imports ${specifier}, which is outside src`);
        continue;
      }
      const toRoom = roomOf(to);
      if (toRoom === room) continue;
      if (!((floors.get(toRoom)?.floor ?? Infinity) < (floors.get(room)?.floor ?? -Infinity))) {
        complaints.push(`${where}: ${room} imports ${toRoom}, which is on no lower floor`);
      }
    }
  }
  return complaints;
}

/** What the rooms above `index.ts` share among each other, and which is no entry of the package. */
const SHARED_ABOVE = 'records/index.ts';

/** What stands on the package's own face uses it as any user does: rooms above `index.ts` import its entries only. */
export function checkFace(sources: readonly Source[], floors: Floors, entries: ReadonlySet<string>): Complaints {
  const top = floors.get('index.ts')?.floor ?? Infinity;
  const isEntry = (path: string): boolean => entries.has(path) || path === SHARED_ABOVE;
  return sources
    .filter(({ path }) => (floors.get(roomOf(path))?.floor ?? 0) > top)
    .flatMap((source) =>
      importsOf(source).flatMap(({ specifier, line }) => {
        const to = target(source.path, specifier, new Map());
        if (to === undefined || roomOf(to) === roomOf(source.path) || isEntry(to)) return [];
        return [`${source.path}:${line}: imports ${to}, which is no entry of the package`];
      }),
    );
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

export function checkPlatform(sources: readonly Source[], floors: Floors): Complaints {
  return sources.flatMap((source) => {
    const file = parse(source);
    const room = roomOf(source.path);
    const complaints: Complaints = [];
    const check = (node: ts.Identifier | ts.StringLiteralLike): void => {
      if (allows(floors, room, node.text)) return;
      const where = `${source.path}:${lineOf(file, node.getStart())}`;
      complaints.push(`${where}: uses ${node.text}, which src/README.md does not give to ${room}`);
    };
    visitAll(file, (node) => {
      if (ts.isIdentifier(node) && platformNames.has(node.text) && !namesMember(node)) check(node);
      if (!ts.isStringLiteralLike(node)) return;
      const element = ts.isElementAccessExpression(node.parent) ? node.parent.expression : undefined;
      if (element?.getText() === 'globalThis' && platformNames.has(node.text)) check(node);
      if (node.text.startsWith('node:')) check(node);
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
