import type { Mutant } from '../mutant.js';

const HOLDER = 'src/records/holder.ts';
const RWLOCK = 'src/sync/rwlock.ts';
const CONDITION = 'src/sync/condition.ts';
const SEMAPHORE = 'src/sync/semaphore.ts';
const BARRIER = 'src/sync/barrier.ts';
const ONCE = 'src/sync/once.ts';
const BOARD = 'src/sync/board.ts';

/** What workers wait for each other with. */
export const syncMutants: readonly Mutant[] = [
  {
    name: 'release-wakes-nobody',
    about: 'a lock is released without a look at those that sleep',
    file: HOLDER,
    edits: [['if ((seen & HolderBits.WAITERS) !== 0) atomics.notify', 'if (seen === 0) atomics.notify']],
    by: 'mutex-by-three',
  },
  {
    name: 'woken-forgets-the-others',
    about: 'who was woken takes the lock as if nobody else slept',
    file: HOLDER,
    edits: [['const waiters = hasSlept ? HolderBits.WAITERS : seen', 'const waiters = seen']],
    by: 'mutex-by-three',
  },
  {
    name: 'death-not-told',
    about: 'a lock is taken from a dead holder as if it had been released',
    file: HOLDER,
    edits: [['seen & HolderBits.BROKEN : HolderBits.BROKEN;', 'seen & HolderBits.BROKEN : 0;']],
    by: 'mutex-by-three!',
  },
  {
    name: 'death-told-once',
    about: 'a release forgets that a holder died and nobody has repaired',
    file: HOLDER,
    edits: [
      ['if (!this.swap(seen, (seen & HolderBits.BROKEN) | owed)) continue;', 'if (!this.swap(seen, owed)) continue;'],
    ],
    by: 'mutex-not-repaired!',
  },
  {
    name: 'two-heirs',
    about: 'a lock is taken by load and store: two get it',
    file: HOLDER,
    edits: [
      [
        'if (!this.swap(seen, this.me | waiters | broken)) return false;',
        'atomics.store(this.heap.i32, this.word, this.me | waiters | broken);',
      ],
    ],
    by: 'mutex-by-three',
  },
  {
    name: 'debt-to-one-that-left',
    about: 'a lock stays owed to those that slept when the last of them gives up',
    file: HOLDER,
    edits: [['(seen & ~HolderBits.OWED) | HolderBits.WAITERS : seen', 'seen | HolderBits.WAITERS : seen']],
    by: 'mutex-with-a-time-limit',
  },
  {
    name: 'wake-up-wasted',
    about: 'who was woken and leaves tells nobody',
    file: HOLDER,
    edits: [['if (!isHeld) atomics.notify(this.heap.i32, this.word, 1);', '']],
    by: 'mutex-woken-but-gone',
  },
  {
    name: 'permit-wasted',
    about: 'who was woken for a permit and leaves tells nobody',
    file: SEMAPHORE,
    edits: [['if (count > 0) atomics.notify', 'if (count < 0) atomics.notify']],
    by: 'semaphore-woken-but-gone',
  },
  {
    name: 'permits-kept-from-newcomers',
    about: 'those that left a permit to one that had slept are not told when it has got it',
    file: SEMAPHORE,
    edits: [['if (isOwed && count > 1) atomics.notify(this.heap.i32, this.word, count - 1);', '']],
    by: 'semaphore-owed-with-more-permits',
  },
  {
    name: 'sequence-read-too-late',
    about: 'the sequence is read after the mutex was given up: a notification between the two is lost',
    file: CONDITION,
    edits: [
      [
        "    const waiter = new SequenceWaiter(this.heap, this.word);\n    guard.letGo('wait');\n",
        "    guard.letGo('wait');\n    const waiter = new SequenceWaiter(this.heap, this.word);\n",
      ],
    ],
    by: 'condition-with-two-consumers',
  },
  {
    name: 'notified-before-counted',
    about: 'sleepers are woken before the sequence has changed: who is about to sleep misses it',
    file: CONDITION,
    edits: [
      [
        'atomics.add(this.heap.i32, this.word, 1);\n    atomics.notify(this.heap.i32, this.word, count);',
        'atomics.notify(this.heap.i32, this.word, count);\n    atomics.add(this.heap.i32, this.word, 1);',
      ],
    ],
    by: 'condition-with-two-consumers',
  },
  {
    name: 'let-in-after-the-release',
    about: 'a writer lets readers in when the next writer may have the lock already',
    file: RWLOCK,
    edits: [
      [
        '    this.cells.letIn();\n    this.holder.release(call);\n',
        '    this.holder.release(call);\n    this.cells.letIn();\n',
      ],
    ],
    by: 'writers-against-a-reader',
  },
  {
    name: 'late-readers-not-nudged',
    about: 'a reader that marks its cell between letIn() and the release is not told',
    file: RWLOCK,
    edits: [['    this.holder.release(call);\n    this.cells.nudge();\n', '    this.holder.release(call);\n']],
    by: 'readers-against-a-writer',
  },
  {
    name: 'wants-reset-after-the-look',
    about: 'the mark that readers wait is taken off after their cells were looked at, with the marks of later ones',
    file: RWLOCK,
    edits: [
      [
        '    atomics.store(this.heap.i32, wants, 0);\n    this.change((seen) => seen & CellBits.ID);\n',
        '    this.change((seen) => seen & CellBits.ID);\n    atomics.store(this.heap.i32, wants, 0);\n',
      ],
    ],
    by: 'readers-against-a-writer',
  },
  {
    name: 'reader-leaves-in-silence',
    about: 'a reader leaves and tells nobody',
    file: RWLOCK,
    edits: [
      [
        '      if (atomics.compareExchange(this.heap.i32, cell, seen, 0) === seen) break;',
        '      if (atomics.compareExchange(this.heap.i32, cell, seen, 0) === seen) return;',
      ],
    ],
    by: 'readers-against-a-writer',
  },
  {
    name: 'reader-enters-unseen',
    about: 'a reader that has waited enters without another look for a writer',
    file: RWLOCK,
    edits: [
      [
        '!cells.enter(this.cell, holder.me)) return true;',
        'cells.enter(this.cell, holder.me) !== undefined) return true;',
      ],
    ],
    by: 'writers-against-a-reader',
  },
  {
    name: 'reader-beyond-the-mark',
    about: 'a reader takes a cell before it has raised the mark up to which writers look',
    file: RWLOCK,
    edits: [
      ['      this.raise(cell + 1 - this.first);\n', ''],
      [
        '      if (atomics.compareExchange(words, cell, 0, me) === 0) return cell;\n',
        '      if (atomics.compareExchange(words, cell, 0, me) === 0) return [cell, this.raise(cell - 1 - this.first)][0] as number;\n',
      ],
    ],
    by: 'readers-against-a-writer',
  },
  {
    name: 'dead-readers-stay',
    about: 'a writer waits for readers that have died',
    file: RWLOCK,
    edits: [['      if (this.heap.isAttached(reader)) return reader;\n', '      if (reader !== 0) return reader;\n']],
    by: 'readers-against-a-writer!',
  },
  {
    name: 'arrival-lost',
    about: 'two parties arrive at once and are counted as one',
    file: BARRIER,
    edits: [['if (!this.swap(seen, next)) continue;', 'atomics.store(this.heap.i32, this.word, next);']],
    by: 'barrier-twice',
  },
  {
    name: 'leaver-breaks-nothing',
    about: 'a party gives up although it was counted: the others pass without it',
    file: BARRIER,
    edits: [['return !this.barrier.breakPhase(this.phase);', 'return false;']],
    by: 'barrier-with-a-time-limit',
  },
  {
    name: 'done-tells-one',
    about: 'of those that wait for a function to be run one is woken, which wakes nobody',
    file: ONCE,
    edits: [['isDone ? Infinity : 1);', '1);']],
    by: 'once-by-three',
  },
  {
    name: 'dead-runner-believed',
    about: 'a worker that died running the function is waited for',
    file: ONCE,
    edits: [['(runner !== me && !once.heap.isAttached(runner))', 'runner === -1']],
    by: 'once-by-three!',
  },
  {
    name: 'latch-tells-one',
    about: 'an open latch wakes one that waits',
    file: 'src/sync/latch.ts',
    edits: [
      [
        'if (seen === by) atomics.notify(this.heap.i32, this.word, Infinity);',
        'if (seen < by) atomics.notify(this.heap.i32, this.word, 1);',
      ],
    ],
    by: 'latch-by-two',
  },
  {
    name: 'circle-believed-at-first-sight',
    about: 'links of a circle that were never there together are a deadlock',
    file: BOARD,
    edits: [['if (workerId !== me || !this.isStill(circle)) return;', 'if (workerId !== me) return;']],
    by: 'mutexes-on-a-board-without-a-circle',
  },
  {
    name: 'entered-after-the-look',
    about: 'a worker looks for a circle before the others can see that it waits: two of them see none',
    file: 'src/sync/mutex.ts',
    edits: [
      ['    this.board.enter(this.address);\n', ''],
      [
        '    this.board.check(this.name, this.holder.address);\n',
        '    this.board.check(this.name, this.holder.address);\n    this.board.enter(this.holder.address);\n',
      ],
    ],
    by: 'two-mutexes-in-a-circle',
  },
  {
    name: 'nap-on-half-the-word',
    about: 'who waits for a spin lock naps on its holder alone, and so never naps once somebody has died inside',
    file: 'src/sync/spinlock.ts',
    edits: [['this.value = holder.look();', 'this.value = holder.current();']],
    by: 'spin-lock-by-three!',
  },
];
