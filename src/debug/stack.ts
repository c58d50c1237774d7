/** Frames of the package itself stand above the caller's, at most so many. */
const FRAMES = 12;

/** `name@place` of Firefox and Safari, `at name (place)` or `at place` of V8. */
const FRAME = /^\s*(?:at (?:(.*?) \()?|([^@]*)@)(.+?:\d+:\d+)\)?$/;

const withoutScheme = (place: string): string => place.replace(/^file:\/\//, '');

const ownFile = withoutScheme(import.meta.url);
/** Where the package lies; in a bundle, where its modules have no files of their own, nowhere. */
const ownRoot = /^(.*\/)debug\/stack\.[jt]s/.exec(ownFile)?.[1];

/** Frames between the caller and here, in a bundle, where names of files don't tell them apart. */
const BUNDLED_FRAMES = 5;

interface Frame {
  readonly name: string;
  readonly place: string;
}

/** What V8 gives of a frame: cheap, but for lines and columns, and not mapped to sources. */
interface RawFrame {
  getFileName(): string | null | undefined;
  getLineNumber(): number | null;
  getColumnNumber(): number | null;
}

/** The parts of Error that only V8 has. */
interface ErrorOfV8 {
  stackTraceLimit?: number;
  prepareStackTrace?: ((error: unknown, frames: readonly RawFrame[]) => unknown) | undefined;
  captureStackTrace?: (holder: object) => void;
}

const { captureStackTrace } = Error as unknown as ErrorOfV8;

/** Names of places by where they are in the code that runs. */
const known = new Map<string, string>();

/**
 * The place in the program that called the package, as `name (file:line:column)`; an empty text where the engine doesn't say.
 * Making a whole stack readable takes V8 twenty microseconds: so it is done once for each place.
 */
export function callSite(): string {
  const errors = Error as unknown as ErrorOfV8;
  const limit = errors.stackTraceLimit;
  errors.stackTraceLimit = FRAMES;
  try {
    const raw = rawPlace(errors);
    if (raw === undefined) return placeIn(new Error().stack ?? '');
    let place = known.get(raw);
    if (place === undefined) known.set(raw, (place = placeIn(new Error().stack ?? '')));
    return place;
  } finally {
    if (limit === undefined) delete errors.stackTraceLimit;
    else errors.stackTraceLimit = limit;
  }
}

function rawPlace(errors: ErrorOfV8): string | undefined {
  if (captureStackTrace === undefined || ownRoot === undefined) return undefined;
  const before = errors.prepareStackTrace;
  const holder: { stack?: unknown } = {};
  errors.prepareStackTrace = firstOutside;
  captureStackTrace(holder);
  const { stack } = holder;
  errors.prepareStackTrace = before;
  return typeof stack === 'string' ? stack : undefined;
}

/** What code made by eval lies in has no name of its own: undefined. */
function firstOutside(_: unknown, frames: readonly RawFrame[]): string | undefined {
  for (const frame of frames) {
    const file = frame.getFileName();
    if (typeof file !== 'string') return undefined;
    if (!withoutScheme(file).startsWith(ownRoot!)) return `${file}:${frame.getLineNumber()}:${frame.getColumnNumber()}`;
  }
  return undefined;
}

function framesOf(stack: string): Frame[] {
  const frames: Frame[] = [];
  for (const line of stack.split('\n')) {
    const groups: readonly (string | undefined)[] | null = FRAME.exec(line);
    if (groups === null) continue;
    const [, nameInV8 = '', nameElsewhere = '', place = ''] = groups;
    frames.push({ name: nameInV8 + nameElsewhere, place: withoutScheme(place) });
  }
  return frames;
}

/** The first frame of a stack that is not the package's. */
export function placeIn(stack: string): string {
  const frames = framesOf(stack);
  const root = ownRoot;
  const frame = root === undefined ? frames[BUNDLED_FRAMES] : frames.find(({ place }) => !place.startsWith(root));
  if (frame === undefined) return '';
  return frame.name === '' ? frame.place : `${frame.name} (${frame.place})`;
}
