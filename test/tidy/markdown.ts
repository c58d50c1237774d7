/** A fenced block: its info string split at blanks (`ts`, `no-run`), its text, and the line of its opening fence. */
export interface Fence {
  readonly language: string;
  readonly marks: readonly string[];
  readonly text: string;
  readonly line: number;
  /** The prose between the previous fence, or the start, and this one. */
  readonly before: string;
}

const fencePattern = /^( {0,3})(`{3,}|~{3,})(.*)\n([\s\S]*?)^ {0,3}\2[`~]*[ \t]*$/gm;

export function fencesIn(markdown: string): Fence[] {
  const fences: Fence[] = [];
  let end = 0;
  for (const match of markdown.matchAll(fencePattern)) {
    const [language = '', ...marks] = match[3].trim().split(/\s+/);
    const before = markdown.slice(end, match.index);
    const line = markdown.slice(0, match.index).split('\n').length;
    fences.push({ language, marks, text: match[4], line, before });
    end = match.index + match[0].length;
  }
  return fences;
}

/** The text with fenced blocks and code spans blanked, line numbers kept. */
export function proseOf(markdown: string): string {
  const blank = (code: string): string => code.replace(/[^\n]/g, ' ');
  return markdown.replace(fencePattern, blank).replace(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, blank);
}

export interface Link {
  readonly target: string;
  readonly line: number;
}

/** Links and images within the repository: neither `https:` and its like, nor in code. */
export function relativeLinksIn(markdown: string): Link[] {
  const prose = proseOf(markdown);
  const patterns = [
    /\]\(\s*<?([^)\s>]+)>?[^)]*\)/g,
    /^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)>?/gm,
    /\b(?:src|href)="([^"]+)"/g,
  ];
  return patterns
    .flatMap((pattern) => [...prose.matchAll(pattern)])
    .map((match) => ({ target: match[1], line: prose.slice(0, match.index).split('\n').length }))
    .filter(({ target }) => !/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(target));
}

/** The anchors that GitHub gives the headings of a text. */
export function anchorsOf(markdown: string): Set<string> {
  const withoutFences = markdown.replace(fencePattern, '');
  const anchors = new Set<string>();
  for (const [, heading] of withoutFences.matchAll(/^ {0,3}#{1,6}\s+(.+?)\s*#*\s*$/gm)) {
    const slug = heading
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  for (const [, id] of withoutFences.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}
