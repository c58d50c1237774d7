import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { allRuntimes } from '../kit/runtimes.js';
import { builtProgram } from './build.js';
import { type ProgramReport } from './program.js';

const figures = JSON.parse(readFileSync(new URL('../../docs/figures/egress.json', import.meta.url), 'utf8')) as {
  readonly runtimes: readonly { readonly name: string; readonly version: string; readonly support: unknown }[];
};
const program = await builtProgram();
const runtimes = await allRuntimes();

/** What browsers refuse, refused here: put before the program, it makes a runtime that takes no shared view at all. */
const REFUSALS = `{
  const check = (view) => {
    if (Object.prototype.toString.call(view?.buffer) === '[object SharedArrayBuffer]') throw new TypeError('shared');
  };
  const refuse = (holder, name, place) => {
    const original = holder[name];
    holder[name] = function (...args) {
      check(args[place]);
      return original.apply(this, args);
    };
  };
  refuse(TextDecoder.prototype, 'decode', 0);
  refuse(TextEncoder.prototype, 'encodeInto', 1);
  refuse(Object.getPrototypeOf(crypto), 'getRandomValues', 0);
  refuse(Object.getPrototypeOf(crypto.subtle), 'digest', 1);
  process.getBuiltinModule = undefined;
  const isShared = (each) => ArrayBuffer.isView(each) && each.buffer instanceof SharedArrayBuffer;
  // As Node 24 does with a Response: no error, but other bytes.
  globalThis.Blob = class extends Blob {
    constructor(parts, options) {
      super(parts.map((each) => (isShared(each) ? String(each) : each)), options);
    }
  };
}
`;

it('every helper copies where nothing takes shared views', async () => {
  const report = (await runtimes[0].run(REFUSALS + program)) as ProgramReport;
  expect(report.failures).toEqual([]);
  for (const support of Object.values(report.support))
    expect(new Set(Object.values(support))).toEqual(new Set(['copied']));
});

for (const { name, missing, run } of runtimes) {
  if (missing !== undefined) {
    const why = `${name} is not there, so egress was not tried in it: ${missing}`;
    process.stderr.write(`skipped: ${why}\n`);
    it.skip(why, () => {});
    continue;
  }
  it(`every helper works in ${name}, on every kind of memory`, async () => {
    const report = (await run(program)) as ProgramReport;
    expect(report.failures).toEqual([]);
    expect(report.checks).toBeGreaterThan(150);
    // Another version may be better or worse, and the document says of which it speaks.
    const known = figures.runtimes.find((each) => each.name === name && each.version === report.version);
    if (known !== undefined) expect(report.support).toEqual(known.support);
  });
}
