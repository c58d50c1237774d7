import type { Mutant } from '../mutant.js';

const CORE = 'src/collections/channel-core.ts';
const WAITERS = 'src/collections/channel-waiters.ts';
const SELECT = 'src/collections/select.ts';
const RING = 'src/collections/ring.ts';

/** Channels, select and rings. */
export const channelMutants: readonly Mutant[] = [
  {
    name: 'sent-before-it-is-written',
    about: 'a value is committed before its words are in the cell',
    file: CORE,
    edits: [
      [
        '    if (count <= 0) return 0;\n',
        '    if (count <= 0) return 0;\n    this.store(ChannelWord.X_TAIL, (tail + count) | 0);\n',
      ],
      ['    // Publishes the cells to receivers.\n    this.store(ChannelWord.X_TAIL, (tail + count) | 0);\n', ''],
    ],
    by: 'channel-with-two-receivers',
  },
  {
    name: 'cells-given-back-too-early',
    about: 'the room of a value is given to senders before its words are copied',
    file: CORE,
    edits: [
      [
        '    this.copyOut(pairs, first, head, count);\n    // Gives the cells to senders.\n    this.store(ChannelWord.X_HEAD, (head + count) | 0);\n',
        '    this.store(ChannelWord.X_HEAD, (head + count) | 0);\n    this.copyOut(pairs, first, head, count);\n',
      ],
    ],
    by: 'channel-that-is-full',
  },
  {
    name: 'passed-on-by-a-wake-up-alone',
    about: 'what is left is passed on to those asleep, and not to one that has looked and is about to sleep',
    file: CORE,
    edits: [
      [
        'if (this.isReadyFor(place)) this.wake(place, 1);',
        'if (this.isReadyFor(place)) atomics.notify(this.views.i32, this.base + place, 1);',
      ],
    ],
    by: 'channel-with-two-receivers',
  },
  {
    name: 'nothing-passed-on',
    about: 'a receiver that was woken takes its value and leaves the next one to nobody',
    file: WAITERS,
    edits: [
      [
        '    if (this.count === Taken.NONE) return false;\n    this.core.passOn(ChannelWord.X_RECEIVERS);\n',
        '    if (this.count === Taken.NONE) return false;\n',
      ],
    ],
    by: 'channel-with-two-receivers',
  },
  {
    name: 'room-told-to-nobody',
    about: 'a receiver makes room and wakes no sender',
    file: CORE,
    edits: [
      [
        'if (count > 0) this.wake(ChannelWord.X_SENDERS, count);',
        'if (count < 0) this.wake(ChannelWord.X_SENDERS, count);',
      ],
    ],
    by: 'channel-that-is-full',
  },
  {
    name: 'closed-behind-the-back',
    about: 'a channel is closed while a sender is inside: it sends after the end',
    file: CORE,
    edits: [
      [
        "    this.sendLock.take('close');\n    try {\n      this.store(ChannelWord.X_CLOSED, 1);\n",
        "    this.store(ChannelWord.X_CLOSED, 1);\n    this.sendLock.take('close');\n    try {\n",
      ],
    ],
    by: 'channel-that-is-closed',
  },
  {
    name: 'end-before-the-last-value',
    about: 'a receiver that sees an empty channel closed later takes that for the end, without another look',
    file: CORE,
    edits: [
      [
        '        there = this.lookAtTail(head);\n        if (there === 0) return Taken.ENDED;\n',
        '        return Taken.ENDED;\n',
      ],
    ],
    by: 'channel-that-is-closed',
  },
  {
    name: 'grown-without-the-receivers',
    about: 'a ring is replaced while a receiver reads it',
    file: CORE,
    edits: [
      [
        '        if (!this.enter(this.receiveLock, call, mayWait)) return false;\n        try {\n          useless = this.replaceRing(useless, cells);\n        } finally {\n          this.receiveLock.leave(true);\n        }\n',
        '        useless = this.replaceRing(useless, cells);\n',
      ],
    ],
    by: 'channel-that-grows',
  },
  {
    name: 'grown-twice',
    about: 'two senders that found the ring full both replace it, the second by a ring that is too small',
    file: CORE,
    edits: [['if (this.cells() * 2 !== cells) return true;', 'if (cells === 0) return true;']],
    by: 'channel-that-grows',
  },
  {
    name: 'old-ring-kept',
    about: 'the ring that was replaced is not freed',
    file: CORE,
    edits: [['      this.heap.free(useless);\n', '      if (useless === 0) this.heap.free(useless);\n']],
    by: 'channel-that-grows',
  },
  {
    name: 'bell-reset-after-the-look',
    about: 'a worker that waits for several channels forgets what rang while it looked',
    file: SELECT,
    edits: [
      [
        '    atomics.store(this.heap.i32, this.word, 0);\n    return this.look();\n',
        '    const isHad = this.look();\n    atomics.store(this.heap.i32, this.word, 0);\n    return isHad;\n',
      ],
    ],
    by: 'select-from-two-channels',
  },
  {
    name: 'bell-freed-while-it-rings',
    about: 'the block of a wait for several channels is freed while it is in their lists',
    file: SELECT,
    edits: [
      [
        '    for (let i = 0; i < this.cores.length; i++) this.cores[i].withdraw(this.call, this.nodeOf(i));\n',
        '    for (let i = 1; i < this.cores.length; i++) this.cores[i].withdraw(this.call, this.nodeOf(i));\n',
      ],
    ],
    by: 'select-from-two-channels',
  },
  {
    name: 'end-told-to-no-selector',
    about: 'a channel that is closed does not ring',
    file: CORE,
    edits: [
      [
        '      this.store(ChannelWord.X_CLOSED, 1);\n      this.ringBells();\n',
        '      this.store(ChannelWord.X_CLOSED, 1);\n',
      ],
    ],
    by: 'select-from-channels-that-close',
  },
  {
    name: 'elements-committed-before-the-copy',
    about: 'elements are handed over before they are written',
    file: RING,
    edits: [
      [
        '    this.copyIn(source as ArrayLike<number>, written, count);\n    if (count > 0) this.advance(RingBufferWord.X_WRITTEN, written + count, RingBufferWord.X_CONSUMER);\n    return count;\n',
        '    if (count > 0) this.advance(RingBufferWord.X_WRITTEN, written + count, RingBufferWord.X_CONSUMER);\n    this.copyIn(source as ArrayLike<number>, written, count);\n    return count;\n',
      ],
    ],
    by: 'ring-of-two',
  },
  {
    name: 'consumer-sleeps-after-one-look',
    about: 'a consumer says that it sleeps and does not look again',
    file: RING,
    edits: [
      [
        '    atomics.store(this.heap.i32, this.word, 1);\n    return this.isReady();\n',
        '    atomics.store(this.heap.i32, this.word, 1);\n    return false;\n',
      ],
    ],
    by: 'ring-of-two',
  },
];
