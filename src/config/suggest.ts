/** Edit distance (Wagner and Fischer, 1974). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}

/** Below every distance but that of equals: what was begun is likelier meant than what is as short. */
const BEGUN = 0.5;

/** The one of `names` that is most like `name`, for "did you mean". */
export function nearest(name: string, names: readonly string[]): string {
  const wanted = name.toLowerCase();
  const score = (candidate: string): number => {
    const there = candidate.toLowerCase();
    return there !== wanted && there.startsWith(wanted) ? BEGUN : distance(wanted, there);
  };
  return names.reduce((best, candidate) => (score(candidate) < score(best) ? candidate : best));
}
