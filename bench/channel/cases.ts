import { once } from 'node:events';
import { type MessagePort } from 'node:worker_threads';
import { type Heap } from 'sabmalloc';
import { Channel, handles } from 'sabmalloc/collections';
import { Barrier } from 'sabmalloc/sync';

/** What is measured, by group: how many send and receive, and how many times. */
export const CASES = {
  stream: [
    { name: 'postMessage', pairs: 1, count: 200_000 },
    { name: 'channel', pairs: 1, count: 2_000_000 },
    { name: 'channel, 2 to 2', pairs: 2, count: 1_000_000 },
    { name: 'channel, batches of 64', pairs: 1, count: 4_000_000 },
  ],
  'round trip': [
    { name: 'postMessage', pairs: 1, count: 10_000 },
    { name: 'channel, async', pairs: 1, count: 10_000 },
    { name: 'channel, asleep', pairs: 1, count: 10_000 },
    { name: 'channel, spinning', pairs: 1, count: 20_000 },
  ],
  'array of 1 MiB': [
    { name: 'structured clone', pairs: 1, count: 400 },
    { name: 'transfer', pairs: 1, count: 400 },
    { name: 'handle through a channel', pairs: 1, count: 200_000 },
  ],
} as const;
export type Group = keyof typeof CASES;

const BATCH = 64;
/** Arrays on their way at a time. */
export const WINDOW = 16;
const ELEMENTS = 2 ** 18;

export interface Seat {
  readonly group: Group;
  readonly name: string;
  readonly side: 'sender' | 'receiver';
  readonly count: number;
  /** Addresses of the channels there and back, of the barrier, and a handle. */
  readonly there: number;
  readonly back: number;
  readonly barrier: number;
  readonly handle: number;
  readonly port?: MessagePort;
}

export interface Outcome {
  /** On the clock that all threads share. */
  readonly beganNs: number;
  readonly endedNs: number;
  readonly checksum: number;
  /** Of each round trip. */
  readonly samplesNs?: readonly number[];
}

const clock = (): number => Number(process.hrtime.bigint());

/** Calls back for each of so many messages, in the event itself: a promise for each would be measured too. */
function eachMessage<T>(port: MessagePort, count: number, visit: (message: T, index: number) => void): Promise<void> {
  return new Promise((resolve) => {
    let index = 0;
    port.on('message', (message: T) => {
      visit(message, index++);
      if (index === count) resolve();
    });
  });
}

type Play = (seat: Seat, heap: Heap) => Promise<Omit<Outcome, 'beganNs' | 'endedNs'>>;

const portOf = ({ port }: Seat): MessagePort => port as MessagePort;

const postNumbers: Play = async (seat) => {
  const port = portOf(seat);
  let checksum = 0;
  if (seat.side === 'sender') {
    for (let i = 1; i <= seat.count; i++) port.postMessage(i);
    // Its end would take messages with it.
    await once(port, 'message');
  } else {
    await eachMessage(port, seat.count, (value: number) => (checksum += value));
    port.postMessage(0);
  }
  return { checksum };
};

const sendNumbers: Play = async (seat, heap) => {
  const channel = Channel.at(heap, seat.there, handles);
  let checksum = 0;
  if (seat.side === 'sender') for (let i = 1; i <= seat.count; i++) channel.send(i);
  else for (let i = 1; i <= seat.count; i++) checksum += channel.receive() as number;
  return { checksum };
};

const sendBatches: Play = async (seat, heap) => {
  const channel = Channel.at(heap, seat.there, handles);
  let checksum = 0;
  if (seat.side === 'sender') {
    const batch: number[] = [];
    for (let i = 1; i <= seat.count; i++) if (batch.push(i) === BATCH) channel.sendMany(batch.splice(0));
  } else {
    for (let left = seat.count; left > 0;) {
      const values = channel.receiveMany(BATCH);
      for (const value of values) checksum += value;
      left -= values.length;
    }
  }
  return { checksum };
};

/** Sends each number, and waits until it comes back. */
async function timed(
  count: number,
  trip: (value: number) => Promise<number> | number,
): Promise<Omit<Outcome, 'beganNs' | 'endedNs'>> {
  const samplesNs: number[] = [];
  let checksum = 0;
  for (let i = 1; i <= count; i++) {
    const began = clock();
    const answer = trip(i);
    checksum += typeof answer === 'number' ? answer : await answer;
    samplesNs.push(clock() - began);
  }
  return { checksum, samplesNs };
}

const postToAndFro: Play = async (seat) => {
  const port = portOf(seat);
  if (seat.side === 'receiver') {
    await eachMessage(port, seat.count, (value: number) => port.postMessage(value));
    return { checksum: 0 };
  }
  let settle: (value: number) => void;
  port.on('message', (value: number) => settle(value));
  return timed(seat.count, (value) => {
    const answer = new Promise<number>((resolve) => (settle = resolve));
    port.postMessage(value);
    return answer;
  });
};

const sendToAndFro =
  (spin: number): Play =>
  async (seat, heap) => {
    const [there, back] = [seat.there, seat.back].map((address) => Channel.at(heap, address, handles, { spin }));
    if (seat.side === 'receiver') {
      for (let i = 0; i < seat.count; i++) back.send(there.receive() as number);
      return { checksum: 0 };
    }
    return timed(seat.count, (value) => {
      there.send(value);
      return back.receive() as number;
    });
  };

const sendToAndFroLater: Play = async (seat, heap) => {
  const [there, back] = [seat.there, seat.back].map((address) => Channel.at(heap, address, handles));
  if (seat.side === 'receiver') {
    for (let i = 0; i < seat.count; i++) await back.sendAsync((await there.receiveAsync()) as number);
    return { checksum: 0 };
  }
  return timed(seat.count, async (value) => {
    await there.sendAsync(value);
    return (await back.receiveAsync()) as number;
  });
};

/** A window of arrays is on its way at a time; the receiver looks at one element of each. */
const postArrays =
  (isTransferred: boolean): Play =>
  async (seat) => {
    const port = portOf(seat);
    let checksum = 0;
    if (seat.side === 'receiver') {
      await eachMessage(port, seat.count, (array: Float32Array, index) => {
        checksum += array[index];
        if (index % WINDOW === WINDOW - 1) port.postMessage(0);
      });
      return { checksum };
    }
    for (let i = 0; i < seat.count; i++) {
      // What is transferred is gone, so each time there is a new one.
      const array = isTransferred || i === 0 ? new Float32Array(ELEMENTS).fill(1) : (kept as Float32Array);
      kept = array;
      port.postMessage(array, isTransferred ? [array.buffer as ArrayBuffer] : []);
      if (i % WINDOW === WINDOW - 1) await once(port, 'message');
    }
    return { checksum };
  };
let kept: Float32Array | undefined;

const sendArrays: Play = async (seat, heap) => {
  const channel = Channel.at(heap, seat.there, handles);
  let checksum = 0;
  for (let i = 0; i < seat.count; i++) {
    if (seat.side === 'sender') {
      heap.retain(seat.handle);
      channel.send(seat.handle);
    } else {
      const handle = channel.receive() as number;
      checksum += heap.open<Float32Array>(handle)[i];
      heap.release(handle);
    }
  }
  return { checksum };
};

const PLAYS: Readonly<Record<Group, Readonly<Record<string, Play>>>> = {
  stream: {
    postMessage: postNumbers,
    channel: sendNumbers,
    'channel, 2 to 2': sendNumbers,
    'channel, batches of 64': sendBatches,
  },
  'round trip': {
    postMessage: postToAndFro,
    'channel, async': sendToAndFroLater,
    'channel, asleep': sendToAndFro(0),
    'channel, spinning': sendToAndFro(20_000),
  },
  'array of 1 MiB': {
    'structured clone': postArrays(false),
    transfer: postArrays(true),
    'handle through a channel': sendArrays,
  },
};

/** The array whose handle is sent: large enough for the index of every send. */
export const shareArray = (heap: Heap): number => heap.share(heap.alloc(Float32Array, ELEMENTS).fill(1));

/** Takes part in a case; all begin at once. */
export async function play(seat: Seat, heap: Heap): Promise<Outcome> {
  Barrier.at(heap, seat.barrier).wait();
  const beganNs = clock();
  const result = await PLAYS[seat.group][seat.name](seat, heap);
  return { beganNs, endedNs: clock(), ...result };
}
