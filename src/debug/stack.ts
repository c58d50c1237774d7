/** Frames of the package itself stand above the caller's, at most so many. */
const FRAMES = 24;

/** `name@place` of Firefox and Safari, `at name (place)` or `at place` of V8. */
const FRAME = /^\s*(?:at (?:(.*?) \()?|([^@]*)@)(.+?:\d+:\d+)\)?$/;

const ownFile = import.meta.url.replace(/^file:\/\//, '');
/** Where the package lies; in a bundle, where its modules have no files of their own, nowhere. */
const ownRoot = /^(.*\/)debug\/stack\.[jt]s/.exec(ownFile)?.[1];

/** Frames between the caller and here, in a bundle, where names of files don't tell them apart. */
const BUNDLED_FRAMES = 5;

interface Frame {
  readonly name: string;
  readonly place: string;
}

function framesOf(stack: string): Frame[] {
  const frames: Frame[] = [];
  for (const line of stack.split('\n')) {
    const groups: readonly (string | undefined)[] | null = FRAME.exec(line);
    if (groups === null) continue;
    const [, nameInV8 = '', nameElsewhere = '', place = ''] = groups;
    frames.push({ name: nameInV8 + nameElsewhere, place: place.replace(/^file:\/\//, '') });
  }
  return frames;
}

/** The place in the program that called the package, as `name (file:line:column)`; an empty text where the engine doesn't say. */
export function callSite(): string {
  const limited = Error as { stackTraceLimit?: number };
  const limit = limited.stackTraceLimit;
  limited.stackTraceLimit = FRAMES;
  const { stack = '' } = new Error();
  if (limit === undefined) delete limited.stackTraceLimit;
  else limited.stackTraceLimit = limit;
  return placeIn(stack);
}

/** The first frame of a stack that is not the package's. */
export function placeIn(stack: string): string {
  const frames = framesOf(stack);
  const root = ownRoot;
  const frame = root === undefined ? frames[BUNDLED_FRAMES] : frames.find(({ place }) => !place.startsWith(root));
  if (frame === undefined) return '';
  return frame.name === '' ? frame.place : `${frame.name} (${frame.place})`;
}
