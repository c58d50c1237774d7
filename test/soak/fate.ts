import { type Random } from '../kit/random.js';
import { type Combination } from './plan.js';

/** How the heap learns that a worker is gone. All but the first have a reserved slot. */
export const NOTICES = [
  'watched',
  'reserved and watched',
  'reclaimed by hand',
  'reclaimed by a worker',
  'reclaimed by all at once',
  'reclaimed at the end',
] as const;
export type Notice = (typeof NOTICES)[number];

/** How a worker goes that is not killed: by itself at some step of its work, or never having got in for want of room. */
const BY_ITSELF = ['returns', 'throws', 'exits', 'detaches'] as const;
export const ENDINGS = [...BY_ITSELF, 'refused'] as const;
export type Ending = (typeof ENDINGS)[number];

/** What a worker is killed in the midst of: the names of the scenes in test/workers/churn.mjs. */
export type Scene =
  'work' | 'attach' | 'detach' | 'free' | 'resize' | 'grow' | 'adopt' | 'collect' | 'reclaim' | 'overflow';

/** What becomes of one worker. */
export interface Fate {
  readonly notice: Notice;
  readonly ending: (typeof BY_ITSELF)[number] | 'killed';
  /** Without one it is killed at any instant. */
  readonly scene: Scene | undefined;
  /** Has a worker of its own, which it kills; both may die together. */
  readonly isParent: boolean;
  /** Killed so many milliseconds after it began to work, or after its scene began; or else after its start. */
  readonly delayMs: number;
  readonly isEarly: boolean;
  /** What is left on its page is for others to free, or for nobody until the end. */
  readonly isInherited: boolean;
}

export const isWatched = (notice: Notice): boolean => notice === 'watched' || notice === 'reserved and watched';

function drawScene(random: Random, { size, backing }: Combination, overflows: boolean, notice: Notice): Scene {
  const scenes: Scene[] = ['work', 'attach', 'free', 'free', 'resize', 'collect', 'reclaim', 'reclaim'];
  // A worker that attaches again is found by its thread alone.
  if (isWatched(notice)) scenes.push('attach', 'detach', 'detach');
  if (size === 'growing' && backing !== 'fixed') scenes.push('grow', 'grow', 'grow');
  if (size === 'tight') scenes.push('adopt', 'adopt');
  if (overflows) scenes.push('overflow');
  return random.pick(scenes);
}

/** When a scene is at its height: microseconds from its beginning, as powers of two. */
const HEIGHTS: Record<Scene, readonly [number, number]> = {
  work: [0, 12],
  attach: [0, 12],
  detach: [0, 11],
  free: [0, 7],
  resize: [0, 10],
  grow: [0, 10],
  adopt: [0, 11],
  collect: [0, 11],
  reclaim: [6, 12],
  overflow: [4, 13],
};

function drawDelay(random: Random, scene: Scene | undefined, isEarly: boolean): number {
  // The start of a thread takes about 80 ms.
  if (scene === undefined) return random.int(0, isEarly ? 150 : 15);
  const [low, high] = HEIGHTS[scene];
  return 2 ** (random.int(100 * low, 100 * high) / 100) / 1000;
}

export function drawFate(random: Random, combination: Combination, overflows: boolean): Fate {
  const notice = random.pick(NOTICES);
  const ending = random.oneIn(8) ? random.pick(BY_ITSELF) : 'killed';
  const isParent = ending === 'killed' && random.oneIn(16);
  const hasScene = ending === 'killed' && !random.oneIn(5);
  const scene = isParent ? 'work' : hasScene ? drawScene(random, combination, overflows, notice) : undefined;
  const isEarly = scene === undefined && random.oneIn(4);
  return {
    notice,
    ending,
    scene,
    isParent,
    delayMs: drawDelay(random, scene, isEarly),
    isEarly,
    isInherited: !random.oneIn(6),
  };
}
