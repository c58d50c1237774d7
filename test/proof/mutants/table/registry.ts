import type { Mutant } from '../mutant.js';

const ADOPT = 'src/registry/adopt.ts';
const RECLAIM = 'src/registry/reclaim.ts';
const SLOTS = 'src/registry/slots.ts';
const ATTACH = 'src/registry/attach.ts';

/** Arrival, departure, death, adoption. */
export const registryMutants: readonly Mutant[] = [
  {
    name: 'double-adoption',
    about: 'an abandoned slab is adopted by load and store: two workers get it',
    file: ADOPT,
    edits: [
      [
        'if (atomics.compareExchange(i32, word, state, identity(classId, owner.slot)) !== state) continue;',
        'atomics.store(i32, word, identity(classId, owner.slot));',
      ],
    ],
    by: 'adoption-of-empty-by-two',
  },
  {
    name: 'caches-of-the-dead-kept',
    about: "an adopted slab has as many free blocks as its last owner counted: what that one's caches held is lost",
    file: ADOPT,
    edits: [
      [
        'takeIn(owner, head, classId, slabCapacity(owner.region, head, classId) - countLive(owner.region, head, count));',
        'takeIn(owner, head, classId, owner.region.i32[sliceWord(owner.region, head, SliceWord.FREE_BLOCKS)] + 0 * countLive(owner.region, head, count));',
      ],
    ],
    by: 'adoption-by-two',
  },
  {
    name: 'adopted-without-draining',
    about: 'remote frees of an adopted slab are forgotten together with its dirty marks',
    file: ADOPT,
    edits: [[`    drainBits(region, head, count);\n    if (owner.settings.poison`, `    if (owner.settings.poison`]],
    by: 'adopted-frees-come-home',
  },
  {
    name: 'abandoned-although-dirty',
    about: "a slab becomes nobody's while it is on a queue or on its way there",
    file: ADOPT,
    edits: [
      [
        'if (!evenDirty && state >>> StateBits.DIRTY_SHIFT !== 0) return false;',
        'if (evenDirty && state === 0) return false;',
      ],
    ],
    by: 'adopted-frees-come-home',
  },
  {
    name: 'map-of-the-departed-kept',
    about: 'the map goes on naming the slot of a worker that left: whoever gets the slot takes its slabs for his own',
    file: ADOPT,
    edits: [[`    fillMap(region, head, slabSlices(region, head), classId, 0);\n`, '']],
    by: 'slot-reuse-against-departure',
  },
  {
    name: 'abandoned-in-silence',
    about: 'nobody is told that there are slabs to adopt',
    file: ADOPT,
    edits: [[`    atomics.or(i32, hintWord(region, classId), 1 << classId);\n`, '']],
    by: 'adopted-frees-come-home',
  },
  {
    name: 'hint-cleared-after-the-look-round',
    about: 'the hint at slabs to adopt is cleared after the look round: a slab abandoned meanwhile is forgotten',
    file: ADOPT,
    edits: [
      [`  atomics.and(region.i32, hint, ~(1 << classId));\n  let adopted = 0;\n`, `  let adopted = 0;\n`],
      [
        `adoptSlab(owner, head)) adopted++;\n  return adopted;\n}\n\n/** Adopts every`,
        `adoptSlab(owner, head)) adopted++;\n  atomics.and(region.i32, hint, ~(1 << classId));\n  return adopted;\n}\n\n/** Adopts every`,
      ],
    ],
    by: 'abandonment-against-adoption',
  },
  {
    name: 'intents-ignored-by-the-drainer',
    about: 'collect drains and retires a slab that somebody is about to queue',
    file: ADOPT,
    edits: [
      [
        'new Set(dirty.filter((head) => !isIntended(region, head)))',
        'new Set(dirty.filter((head) => !isIntended(region, head) || head > 0))',
      ],
    ],
    by: 'late-push-against-a-new-owner',
  },
  {
    name: 'unmarked-frees-forgotten',
    about: 'what a worker freed that died before it marked the slab never comes home',
    file: ADOPT,
    edits: [['return drained + drainUnmarked(owner);', 'return drained + 0 * (drainUnmarked.length + owner.slot);']],
    by: 'remote-free-against-retirement!',
  },
  {
    name: 'intents-ignored-by-the-reclaimer',
    about: "a slab of a dead worker is abandoned although somebody is about to put it on the dead one's queue",
    file: RECLAIM,
    edits: [
      [
        'new Set(suspects.filter((head) => isIntended(region, head)))',
        'new Set(suspects.filter((head) => isIntended(region, head) && head < 0))',
      ],
    ],
    by: 'adopted-frees-come-home',
  },
  {
    name: 'pinned-slabs-not-waited-for',
    about: 'a slot is freed although a push to its queue is under way',
    file: RECLAIM,
    edits: [['if (!journalDone || !slabsDone) {', 'if (!journalDone && !slabsDone) {']],
    by: 'remote-free-against-detach',
  },
  {
    name: 'queue-of-the-dead-kept',
    about: 'the queue of a dead worker is not emptied: whoever gets its slot drains slabs that are not his',
    file: RECLAIM,
    edits: [
      [
        '  for (const head of takeQueue(region, slot)) abandonSlab(region, head, slot, true);',
        '  if (slot === 0) takeQueue(region, slot);',
      ],
    ],
    by: 'adopted-frees-come-home',
  },
  {
    name: 'reclaimed-by-load-and-store',
    about: 'a slot is claimed for reclaiming by load and store: two workers take it apart at once',
    file: RECLAIM,
    edits: [
      [
        'if (swapState(region, slot, word, claimed)) return claimed;',
        `atomics.store(region.i32, region.slotWord(slot) + SlotWord.X_STATE, claimed);
    if (word !== claimed) return claimed;`,
      ],
    ],
    by: 'reclaim-against-reclaim-and-attach',
  },
  {
    name: 'claims-handed-on-to-nobody',
    about: 'what a reclaimer had begun when it died is never finished',
    file: RECLAIM,
    edits: [['  handOnClaims(owner, slot);\n', '  if (slot === 0) handOnClaims(owner, slot);\n']],
    by: 'reclaim-against-reclaim-and-attach!',
  },
  {
    name: 'leftovers-not-noted',
    about: 'a reclaim that has to wait does not leave word that it is to be continued',
    file: RECLAIM,
    edits: [[`    announceDead(region);\n    return true;`, `    return true;`]],
    by: 'remote-free-against-detach',
  },
  {
    name: 'leftovers-noted-too-early',
    about:
      'a reclaim leaves word that it is to be continued before the slot waits: who looks round meanwhile takes the word back',
    file: RECLAIM,
    edits: [
      [
        `    swapState(region, slot, claimed, packState(waitingState(notice), generationOf(claimed)));
    announceDead(region);
`,
        `    announceDead(region);
    swapState(region, slot, claimed, packState(waitingState(notice), generationOf(claimed)));
`,
      ],
    ],
    by: 'waiting-slot-against-collect',
  },
  {
    name: 'departures-taken-over',
    about: 'a worker that is detaching is taken for one that died while it detached, and is reclaimed beside itself',
    file: RECLAIM,
    edits: [
      ['if (notice !== undefined && reclaimerOf(word) === 0) reclaimSlot(', 'if (notice !== undefined) reclaimSlot('],
    ],
    by: 'departure-against-leftovers',
  },
  {
    name: 'slot-freed-before-its-control-block',
    about: 'a slot is given away while its control block still bears its number',
    file: RECLAIM,
    edits: [
      [
        `  releaseControlBlocks(owner, slot, notice);
  freeSlot(region, slot, claimed, threadTag());`,
        `  freeSlot(region, slot, claimed, threadTag());
  releaseControlBlocks(owner, slot, notice);`,
      ],
    ],
    by: 'reclaim-against-reclaim-and-attach',
  },
  {
    name: 'slot-freed-with-its-slabs',
    about: 'the slabs of a worker that left stay its own',
    file: RECLAIM,
    edits: [
      [
        'const slabsDone = abandonAll(owner, slot);',
        'const slabsDone = notice.length === 0 ? abandonAll(owner, slot) : true;',
      ],
    ],
    by: 'adoption-against-departure',
  },
  {
    name: 'control-block-without-a-journal',
    about: 'the control block of a dead worker is in no journal while it is returned',
    file: RECLAIM,
    edits: [[`    owner.slices.open(head, count);\n`, '']],
    by: 'reclaim-against-reclaim-and-attach!',
  },
  {
    name: 'busy-spans-of-the-dead-forgotten',
    about: 'nobody looks for spans that a dead worker was resizing',
    file: RECLAIM,
    edits: [[`    recoverBusySpan(region, slot, head);\n`, '']],
    by: 'shrinking-against-claim!',
  },
  {
    name: 'names-of-the-dead-kept',
    about:
      'a worker killed while it reserves a place, when its name is there and nothing else, keeps the place for ever',
    file: RECLAIM,
    edits: [['let changed = dropNames(region, thread);', 'let changed = false;']],
    by: 'test/unit/slots.test.ts',
  },
  {
    name: 'reclaimed-by-hand-goes-on',
    about: 'a worker that is reclaimed by mistake goes on with its caches, whose blocks others adopt',
    file: RECLAIM,
    edits: [
      [
        "if (notice === 'by hand') silence(owner, slot);",
        "if (notice === 'by hand' && slot === 0) silence(owner, slot);",
      ],
    ],
    by: 'test/unit/reclaim.test.ts',
  },
  {
    name: 'slot-taken-by-load-and-store',
    about: 'two threads take the same slot',
    file: SLOTS,
    edits: [
      [
        'if (stateOf(free) !== SlotState.FREE || atomics.compareExchange(region.i32, nameWord, 0, thread) !== 0) continue;',
        `if (stateOf(free) !== SlotState.FREE || atomics.load(region.i32, nameWord) !== 0) continue;
    atomics.store(region.i32, nameWord, thread);`,
      ],
      [
        `    if (swapState(region, slot, free, packState(state, generation))) return { slot, generation };
    atomics.compareExchange(region.i32, nameWord, thread, 0);
`,
        `    atomics.store(region.i32, region.slotWord(slot) + SlotWord.X_STATE, packState(state, generation));
    return { slot, generation };
`,
      ],
    ],
    by: 'attach-against-attach',
  },
  {
    name: 'generation-not-raised',
    about: 'a slot that is used again gets the worker id of its former holder: a late notice kills the new one',
    file: SLOTS,
    edits: [['return (generation + 1) &', 'return (generation | 1) &']],
    by: 'test/unit/reclaim.test.ts',
  },
  {
    name: 'reservation-used-twice',
    about: 'two workers attach by the same reserved token',
    file: SLOTS,
    edits: [
      [
        `  if (!isOurs)
    throw`,
        `  if (!isOurs && (id === undefined || stateOf(loadState(region, id.slot)) > SlotState.ATTACHING))
    throw`,
      ],
    ],
    by: 'test/heap/death.test.ts',
  },
  {
    name: 'slot-never-given-back',
    about: 'a slot that owns nothing any more goes on naming the thread that freed it: nobody gets it again',
    file: SLOTS,
    edits: [[`  atomics.compareExchange(region.i32, at + SlotWord.X_THREAD, thread, 0);\n`, '']],
    by: 'test/unit/reclaim.test.ts',
  },
  {
    name: 'control-block-closed-early',
    about: 'the journal is closed before a control block is published',
    file: ATTACH,
    edits: [
      [
        `  publishRun(region, control, slicesNeeded, Kind.CONTROL, slot);\n  slices.close();\n`,
        `  slices.close();\n  publishRun(region, control, slicesNeeded, Kind.CONTROL, slot);\n`,
      ],
    ],
    by: 'attach-against-attach!',
  },
];
