/** What the workers of the pools do: `build` puts files into the index, `release` frees words. */
import { Channel, structs, texts } from 'sabmalloc/collections';
import { task } from 'sabmalloc/piscina';
import { Outcome, type Parcel, readText } from './files.js';
import { WordIndex } from './index.js';
import { TextWords } from './words.js';

const textWords = new TextWords();

/** Addresses of what a task works with. */
interface BuildArgs {
  readonly index: number;
  readonly parcels: number;
  readonly outcomes: number;
}

/** Indexes parcels until there are no more. Whoever fails closes their channel, so that the others come to an end too. */
export const build = task(({ heap }, args: BuildArgs) => {
  const index = WordIndex.at(heap, args.index);
  const parcels = Channel.at(heap, args.parcels, texts);
  const outcomes = Channel.at(heap, args.outcomes, structs(Outcome));
  try {
    for (const parcel of parcels) {
      const figures = indexFiles(index, JSON.parse(parcel) as Parcel);
      outcomes.send(Outcome.in(heap).create(figures));
    }
  } finally {
    parcels.close();
  }
});

function indexFiles(index: WordIndex, { firstFile, paths }: Parcel) {
  const figures = {
    files: 0,
    bytes: 0,
    words: 0,
    postings: 0,
    overlongWords: 0,
    binary: 0,
    tooLarge: 0,
    unreadable: 0,
  };
  paths.forEach((path, n) => {
    const text = readText(path);
    if (typeof text === 'string') {
      figures[text]++;
      return;
    }
    textWords.read(text);
    textWords.forEach((word, count) => {
      index.add(word, firstFile + n, count);
      figures.postings++;
    });
    figures.files++;
    figures.bytes += text.length;
    figures.words += textWords.words;
    figures.overlongWords += textWords.overlongWords;
  });
  return figures;
}

interface ReleaseArgs {
  readonly index: number;
  readonly stripe: number;
}

/** Frees a share of the words. Returns how many blocks that were. */
export const release = task(({ heap }, { index, stripe }: ReleaseArgs) => WordIndex.at(heap, index).freeStripe(stripe));
