/** Splits several words that were typed as one: "starwars", "cityofgod". Pure. */

const minLetters = 4;
/** Letters of the longest titles that people still type as one word. */
const maxLetters = 60;
const maxPieceLetters = 20;
const maxSegmentations = 8;

const canBeSplit = (word: string): boolean => word.length >= minLetters && word.length <= maxLetters;

/** Returns all pieces of a word. Those that are known words are needed to split it. */
export function pieces(word: string): string[] {
  if (!canBeSplit(word)) return [];
  const found: string[] = [];
  for (let from = 0; from < word.length; from++) {
    for (const to of ends(word, from)) found.push(word.slice(from, to));
  }
  return found;
}

/** Returns the places where a piece that starts at `from` may end. */
function ends(word: string, from: number): number[] {
  const last = Math.min(word.length, from + maxPieceLetters);
  const found = Array.from({ length: last - from }, (_, i) => from + 1 + i);
  return found.filter((to) => to - from < word.length);
}

/** Returns the ways to split a word into the fewest known words, at most one of which is a single letter. */
export function segmentations(word: string, known: Set<string>): string[][] {
  if (!canBeSplit(word)) return [];
  /** The fewest parts from each place to the end: if none may be a single letter, and if one may. */
  const fewest = [0, 1].map(() => [...Array<number>(word.length).fill(Number.POSITIVE_INFINITY), 0]);
  const fewestFrom = (at: number, letters: number): number => fewest[letters]?.[at] ?? Number.POSITIVE_INFINITY;
  /** Returns the known pieces that start at a place, and how many single letters may follow each. */
  const next = (from: number, letters: number): { piece: string; to: number; letters: number }[] =>
    ends(word, from).flatMap((to) => {
      const piece = word.slice(from, to);
      const left = letters - (piece.length === 1 && !/\d/.test(piece) ? 1 : 0);
      return left >= 0 && known.has(piece) ? [{ piece, to, letters: left }] : [];
    });
  for (let at = word.length - 1; at >= 0; at--) {
    for (const [letters, row] of fewest.entries()) {
      row[at] =
        1 + Math.min(Number.POSITIVE_INFINITY, ...next(at, letters).map((one) => fewestFrom(one.to, one.letters)));
    }
  }
  const splits = (from: number, letters: number): string[][] => {
    if (from === word.length) return [[]];
    const found: string[][] = [];
    for (const one of next(from, letters)) {
      if (found.length >= maxSegmentations || fewestFrom(one.to, one.letters) + 1 !== fewestFrom(from, letters))
        continue;
      for (const rest of splits(one.to, one.letters)) found.push([one.piece, ...rest]);
    }
    return found;
  };
  return Number.isFinite(fewestFrom(0, 1)) ? splits(0, 1).slice(0, maxSegmentations) : [];
}

/** A word split into known words and one that may be mistyped. */
export interface DoubtfulSplit {
  before: string[];
  doubted: string;
  after: string[];
}

/** Letters of a piece that may be mistyped. Shorter ones are similar to anything, longer ones are rarely one word. */
const [minDoubted, maxDoubted] = [3, 14];
/** Letters of the longest word that is split with one mistyped part, and with two. */
const [maxDoubtfulLetters, maxHalvedLetters] = [45, 24];
const maxDoubtfulSplits = 80;

/** Returns the ways to split a word into known words and one that may be mistyped, fewest and longest parts first. */
export function doubtfulSplits(word: string, known: Set<string>): DoubtfulSplit[] {
  if (!canBeSplit(word) || word.length > maxDoubtfulLetters) return [];
  const parts = (piece: string): string[] | undefined =>
    piece === '' ? [] : known.has(piece) ? [piece] : segmentations(piece, known)[0];
  const cuts = Array.from({ length: word.length + 1 }, (_, at) => at);
  const befores = cuts.map((at) => parts(word.slice(0, at)));
  const afters = cuts.map((at) => parts(word.slice(at)));
  const found: DoubtfulSplit[] = [];
  for (const [from, before] of befores.entries()) {
    if (!before) continue;
    for (let to = from + minDoubted; to <= Math.min(word.length, from + maxDoubted); to++) {
      const after = afters[to];
      if (after && to - from < word.length) found.push({ before, doubted: word.slice(from, to), after });
    }
  }
  return found
    .sort((a, b) => pieceCount(a) - pieceCount(b) || shortestPart(b) - shortestPart(a))
    .slice(0, maxDoubtfulSplits);
}

const [minAnchorLetters, maxAnchors] = [4, 3];

/** Returns the longest known words inside a word that is mistyped in several places: "pulp" of "pulpficshon". */
export function anchors(word: string, known: Set<string>): string[] {
  const found: string[] = [];
  for (const piece of pieces(word).sort((a, b) => b.length - a.length)) {
    const isNew = piece.length >= minAnchorLetters && known.has(piece) && !found.some((other) => other.includes(piece));
    if (isNew) found.push(piece);
  }
  return found.slice(0, maxAnchors);
}

/** Returns known words similar to one half of a mistyped word: "future" for "balcktothe|futkure". */
export function nearAnchors(cuts: Halves[], near: (word: string) => string[]): string[] {
  const long = cuts.flat().filter(({ length }) => length > minAnchorLetters);
  return long
    .sort((a, b) => b.length - a.length)
    .flatMap(near)
    .slice(0, maxAnchors);
}

export type Halves = [string, string];

/** Returns the ways to cut a word, without a leading "the", into two parts that may both be mistyped. */
export function halves(text: string): Halves[] {
  const word = text.replace(/^the/, '');
  if (word.length > maxHalvedLetters) return [];
  const cuts = Array.from({ length: Math.max(0, word.length + 1 - 2 * minDoubted) }, (_, i) => i + minDoubted);
  return cuts.map((at) => [word.slice(0, at), word.slice(at)]);
}

function pieceCount({ before, after }: DoubtfulSplit): number {
  return before.length + after.length;
}

function shortestPart({ before, doubted, after }: DoubtfulSplit): number {
  return Math.min(...[...before, doubted, ...after].map(({ length }) => length));
}
