import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const SAMPLE_MS = 200;
/** Of one core: what an idle machine uses. */
const QUIET_SHARE = 0.15;

/** Milliseconds that all cores together have worked. */
function busyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/** Waits until the machine is idle but for us, who sleep; false when it was not within `seconds`. */
export async function waitForQuiet(seconds: number): Promise<boolean> {
  const until = performance.now() + seconds * 1000;
  do {
    const before = busyMs();
    await sleep(SAMPLE_MS);
    if (busyMs() - before <= SAMPLE_MS * QUIET_SHARE) return true;
  } while (performance.now() < until);
  return false;
}
