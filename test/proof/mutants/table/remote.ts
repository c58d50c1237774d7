import type { Mutant } from '../mutant.js';

const REMOTE = 'src/slabs/remote.ts';
const FREE = 'src/heap/free.ts';

/** Remote frees: marks, the queue, draining. */
export const remoteMutants: readonly Mutant[] = [
  {
    name: 'remote-free-not-queued',
    about: "a slab is made dirty and never pushed on its owner's queue",
    file: REMOTE,
    edits: [
      [
        `    if (mustPush) pushQueue(region, target, head);\n`,
        `    if (mustPush && target === 0) pushQueue(region, target, head);\n`,
      ],
    ],
    by: 'frees-come-home',
  },
  {
    name: 'pushed-without-a-link',
    about: 'a slab is pushed without being linked to those that are on the queue',
    file: REMOTE,
    edits: [
      [`    atomics.store(i32, nextWord, first);\n`, `    if (first === 0) atomics.store(i32, nextWord, first);\n`],
    ],
    by: 'frees-come-home',
  },
  {
    name: 'pushed-twice',
    about: 'a slab that is on the queue is pushed again when another part of it gets dirty',
    file: REMOTE,
    edits: [
      ['const mustPush = state >>> StateBits.DIRTY_SHIFT === 0 && target !== 0;', 'const mustPush = target !== 0;'],
    ],
    by: 'two-parts-of-a-slab-get-dirty',
  },
  {
    name: 'queue-popped-by-store',
    about: 'the owner pops one slab after the other by load and store: pushes in between are lost',
    file: REMOTE,
    edits: [
      [
        `  for (const head of takeQueue(region, owner.slot)) drained += drainSlab(owner, head);`,
        `  const queue = region.slotWord(owner.slot) + SlotWord.X_QUEUE;
  for (let head = atomics.load(region.i32, queue); head !== 0; head = atomics.load(region.i32, queue)) {
    atomics.store(region.i32, queue, atomics.load(region.i32, sliceWord(region, head, SliceWord.X_NEXT)));
    drained += drainSlab(owner, head);
  }`,
      ],
    ],
    by: 'frees-come-home',
  },
  {
    name: 'queue-taken-in-two-steps',
    about: 'the queue is loaded, then emptied: pushes in between are lost',
    file: REMOTE,
    edits: [
      [
        '  let head = atomics.exchange(region.i32, region.slotWord(slot) + SlotWord.X_QUEUE, 0);',
        `  let head = atomics.load(region.i32, region.slotWord(slot) + SlotWord.X_QUEUE);
  atomics.store(region.i32, region.slotWord(slot) + SlotWord.X_QUEUE, 0);`,
      ],
    ],
    by: 'frees-come-home',
  },
  {
    name: 'link-read-after-the-slab-was-clean',
    about: 'the link of a slab is read when another worker may have queued it again',
    file: REMOTE,
    edits: [
      [
        `  for (const head of takeQueue(region, owner.slot)) drained += drainSlab(owner, head);`,
        `  let head = atomics.exchange(region.i32, region.slotWord(owner.slot) + SlotWord.X_QUEUE, 0);
  while (head !== 0) {
    drained += drainSlab(owner, head);
    head = atomics.load(region.i32, sliceWord(region, head, SliceWord.X_NEXT));
  }`,
      ],
    ],
    by: 'frees-come-home',
  },
  {
    name: 'clean-after-the-bits-were-drained',
    about: 'a slab is made clean after its bits were read: a mark in between wakes nobody',
    file: REMOTE,
    edits: [
      [
        'const state = atomics.and(region.i32, sliceWord(region, head, SliceWord.X_STATE), StateBits.IDENTITY_MASK);',
        'const state = atomics.load(region.i32, sliceWord(region, head, SliceWord.X_STATE));',
      ],
      [
        `  if (drained > 0 && addFree(owner, head, classId, drained)) settleEmpty(owner, head, classId);
  return drained;
}

/** Brings home what`,
        `  atomics.and(region.i32, sliceWord(region, head, SliceWord.X_STATE), StateBits.IDENTITY_MASK);
  if (drained > 0 && addFree(owner, head, classId, drained)) settleEmpty(owner, head, classId);
  return drained;
}

/** Brings home what`,
      ],
    ],
    by: 'frees-come-home',
  },
  {
    name: 'half-of-a-dirty-pair',
    about: 'a dirty bit stands for two slices, and the second is not drained',
    file: REMOTE,
    edits: [['Math.min(2, slices - pair * 2)', 'Math.min(1, slices - pair * 2)']],
    by: 'test/unit/remote.test.ts',
  },
  {
    name: 'remote-bits-before-live-bits',
    about: 'remote bits are erased before live bits: a kill in between loses all blocks of the word',
    file: REMOTE,
    edits: [
      [
        `    i32[word] ^= home;
    atomics.and(i32, word + 1, ~remote);`,
        `    atomics.and(i32, word + 1, ~remote);
    i32[word] ^= home;`,
      ],
    ],
    by: 'small-frees-come-home!',
  },
  {
    name: 'remote-word-stored',
    about: 'a word of remote bits is emptied by a store: marks made since it was read are lost for good',
    file: REMOTE,
    edits: [
      [`    atomics.and(i32, word + 1, ~remote);\n    drained`, `    atomics.store(i32, word + 1, 0);\n    drained`],
    ],
    by: 'small-frees-come-home',
  },
  {
    name: 'stale-marks-counted',
    about: 'remote bits of blocks that are not live are counted as blocks come home',
    file: REMOTE,
    edits: [['drained += popcount(home);', 'drained += popcount(remote);']],
    by: 'double-free-by-two',
  },
  {
    name: 'live-bits-toggled',
    about: 'draining toggles live bits where a remote bit is set, live or not',
    file: REMOTE,
    edits: [['const home = remote & i32[word];', 'const home = remote;']],
    by: 'double-free-by-two',
  },
  {
    name: 'intent-not-stored',
    about: 'who is about to push a slab does not say so: a drain in between takes it for left behind',
    file: REMOTE,
    edits: [
      [
        'if (mustPush && !intended) atomics.store(i32, intentWord, head);',
        'if (mustPush && !intended) atomics.store(i32, intentWord, 0);',
      ],
    ],
    by: 'late-push-against-a-new-owner',
  },
  {
    name: 'intent-stored-after-the-mark',
    about: 'the intent to push a slab is stored when the slab is dirty already',
    file: REMOTE,
    edits: [
      [`    if (mustPush && !intended) atomics.store(i32, intentWord, head);\n`, ''],
      [
        '    if (mustPush) pushQueue(region, target, head);',
        `    if (mustPush) {
      atomics.store(i32, intentWord, head);
      pushQueue(region, target, head);
    }`,
      ],
    ],
    by: 'late-push-against-a-new-owner',
  },
  {
    name: 'late-mark-on-another-class',
    about: 'a late mark makes a slice dirty that has become something else',
    file: REMOTE,
    edits: [
      [
        'if (kindOf(state) !== classId || (state & bit) !== 0) break;',
        'if (kindOf(state) === 0 || (state & bit) !== 0) break;',
      ],
    ],
    by: 'remote-free-against-reuse-by-a-span',
  },
  {
    name: 'freed-twice-by-others',
    about: 'of two workers that free a block of a third both succeed',
    file: REMOTE,
    edits: [
      [
        'return (atomics.or(region.i32, bitsWord(region, granule) + 1, mask) & mask) === 0;',
        'return (atomics.or(region.i32, bitsWord(region, granule) + 1, mask) & mask) === 0 || mask !== 0;',
      ],
    ],
    by: 'double-free-by-two-of-an-idle-owner',
  },
  {
    name: 'transfer-taken-unseen',
    about: 'a block named by a transfer slot is taken although a drain has brought it home meanwhile',
    file: REMOTE,
    edits: [
      [
        '  if ((atomics.load(region.i32, word + 1) & mask) === 0) return false;\n  const wasLive = (region.i32[word] & mask) !== 0;',
        '  const wasLive = true;',
      ],
    ],
    by: 'transfer-slots-against-drain',
  },
  {
    name: 'announced-before-it-is-marked',
    about: 'a slab is queued before the remote bit is set: the owner may drain it too early',
    file: FREE,
    edits: [
      [
        `  if (!markRemote(region, granule)) return false;
  region.i32`,
        `  if (ownerSlot !== 0 && classId === 0) return false;
  region.i32`,
      ],
      [
        `  announceRemote(owner, head, classId, granule);\n  return true;`,
        `  announceRemote(owner, head, classId, granule);\n  return markRemote(region, granule);`,
      ],
    ],
    by: 'frees-come-home',
  },
];
