import { blocksOf, codeOf, plot, QUARTER, SPAN, SPAN_SLICES, WHOLE } from './cast.js';

/** Claims, merges, growth and the brim: workers that want the same slices. */
export const sliceScenarios = [
  plot({
    name: 'claim-against-claim',
    about: 'two workers claim a slab each where there is just room for two',
    slices: 4,
    scripts: [
      function* (first) {
        yield* first.malloc(WHOLE);
      },
      function* (second) {
        yield* second.malloc(WHOLE);
      },
    ],
  }),
  plot({
    name: 'span-claim-against-span-claim',
    about: 'two workers claim spans where there is room for one: one is refused, nothing is lost',
    slices: 2 * SPAN_SLICES - 1,
    scripts: [
      function* (first) {
        const span = yield* first.tryMalloc(SPAN);
        if (span !== 0) yield* first.free(span);
      },
      function* (second) {
        const span = yield* second.tryMalloc(SPAN);
        if (span !== 0) yield* second.free(span);
      },
    ],
  }),
  plot({
    name: 'claim-against-merge',
    about: 'a span is returned next to free slices while another worker looks for a run of both',
    slices: 2 * SPAN_SLICES,
    prepare: ([first]) => blocksOf(first, SPAN, 1),
    scripts: [
      function* (first, { blocks }) {
        yield* first.free(blocks[0]);
      },
      function* (second) {
        const both = yield* second.tryMalloc(2 * SPAN - 4096);
        if (both !== 0) yield* second.free(both);
      },
    ],
  }),
  plot({
    name: 'growth-in-place-against-claim',
    about: 'a span grows in place while another worker claims the slices behind it',
    slices: SPAN_SLICES + 2,
    prepare: ([first]) => blocksOf(first, SPAN, 1),
    scripts: [
      function* (first, { blocks }) {
        const code = yield* codeOf(first.realloc(blocks[0], SPAN + 4096));
        if (code !== 'none' && code !== 'ERR_HEAP_OUT_OF_MEMORY') throw new Error(code);
        if (code !== 'none') first.stage.ledger.stays(blocks[0], SPAN);
      },
      function* (second) {
        yield* second.tryMalloc(2 * 4096);
      },
    ],
  }),
  plot({
    name: 'shrinking-against-claim',
    about: 'a span shrinks in place and grows again while another worker claims what it gave up',
    slices: SPAN_SLICES + 2,
    prepare: ([first]) => blocksOf(first, SPAN + 2 * 4096, 1),
    scripts: [
      function* (first, { blocks }) {
        yield* first.realloc(blocks[0], SPAN);
        yield* codeOf(first.heap.realloc(blocks[0], SPAN + 4096));
      },
      function* (second) {
        yield* second.tryMalloc(4096);
      },
    ],
  }),
  plot({
    name: 'realloc-against-free',
    about: 'a span is resized by one worker and, wrongly, freed by another: an error for one of them, nothing lost',
    slices: SPAN_SLICES + 2,
    isMisuse: true,
    prepare: ([first]) => blocksOf(first, SPAN, 1),
    scripts: [
      function* (first, { blocks }, stage) {
        stage.ledger.unsure(blocks[0]);
        const code = yield* codeOf(first.heap.realloc(blocks[0], SPAN + 4096));
        if (!['none', 'ERR_HEAP_INVALID_ADDRESS', 'ERR_HEAP_DOUBLE_FREE', 'ERR_HEAP_OUT_OF_MEMORY'].includes(code))
          throw new Error(code);
      },
      function* (second, { blocks }, stage) {
        stage.ledger.unsure(blocks[0]);
        const code = yield* codeOf(second.heap.free(blocks[0]));
        if (!['none', 'ERR_HEAP_DOUBLE_FREE', 'ERR_HEAP_INVALID_FREE'].includes(code)) throw new Error(code);
      },
    ],
  }),
  plot({
    name: 'growth-against-growth',
    about: 'two workers find the region too small at once',
    slices: 6,
    scripts: [
      function* (first) {
        yield* first.malloc(WHOLE);
        yield* first.malloc(WHOLE);
      },
      function* (second) {
        yield* second.malloc(WHOLE);
        yield* second.malloc(WHOLE);
      },
    ],
  }),
  plot({
    name: 'growth-against-span',
    about: 'one worker grows the region for a span while others take what was added',
    slices: SPAN_SLICES + 3,
    scripts: [
      function* (first) {
        yield* first.tryMalloc(SPAN);
      },
      function* (second) {
        yield* second.malloc(WHOLE);
      },
      function* (third) {
        yield* third.malloc(QUARTER);
      },
    ],
  }),
  plot({
    name: 'moving-realloc-against-growth',
    about: 'a block moves to a larger class while another worker grows the region',
    slices: 6,
    prepare: ([first]) => blocksOf(first, QUARTER, 1),
    scripts: [
      function* (first, { blocks }) {
        yield* first.free(yield* first.realloc(blocks[0], WHOLE));
      },
      function* (second) {
        yield* second.malloc(WHOLE);
        yield* second.malloc(QUARTER);
      },
    ],
  }),
  plot({
    name: 'exhaustion-by-two',
    about: 'both workers fill the region to the brim, scrape, and give back',
    slices: 2,
    scripts: [
      function* (first) {
        const block = yield* first.tryMalloc(WHOLE);
        yield* first.tryMalloc(WHOLE);
        if (block !== 0) yield* first.free(block);
      },
      function* (second) {
        const block = yield* second.tryMalloc(WHOLE);
        yield* second.tryMalloc(WHOLE);
        if (block !== 0) yield* second.free(block);
      },
    ],
  }),
  plot({
    name: 'exhaustion-by-all',
    about: 'three workers want the last slice while one of them frees a block of another',
    slices: 2,
    prepare: ([first]) => blocksOf(first, WHOLE, 1),
    scripts: [
      function* (first) {
        yield* first.tryMalloc(WHOLE);
      },
      function* (second, { blocks }) {
        yield* second.free(blocks[0]);
        yield* second.tryMalloc(QUARTER);
      },
      function* (third) {
        yield* third.tryMalloc(WHOLE);
      },
    ],
  }),
  plot({
    name: 'collect-against-collect',
    about: 'two workers collect while each has freed a block of the other',
    slices: 4,
    prepare: ([first, second]) => [...blocksOf(first, WHOLE, 1), ...blocksOf(second, WHOLE, 1)],
    scripts: [
      function* (first, { blocks }) {
        yield* first.free(blocks[1]);
        yield* first.collect();
      },
      function* (second, { blocks }) {
        yield* second.free(blocks[0]);
        yield* second.collect();
      },
    ],
  }),
];
