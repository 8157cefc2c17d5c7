/** Words that are written as one: "starwars", "cityofgod". Pure. */

const shortest = 4;
/** Letters of the longest titles that people still type as one word. */
const longest = 60;
const longestPiece = 20;
const mostSegmentations = 8;

const canBeParted = (word: string): boolean => word.length >= shortest && word.length <= longest;

/** The pieces of a word that have to be known to part it. */
export function pieces(word: string): string[] {
  if (!canBeParted(word)) return [];
  const found: string[] = [];
  for (let from = 0; from < word.length; from++) {
    for (const to of ends(word, from)) found.push(word.slice(from, to));
  }
  return found;
}

/** Where a piece that begins there may end. */
function ends(word: string, from: number): number[] {
  const last = Math.min(word.length, from + longestPiece);
  const found = Array.from({ length: last - from }, (_, i) => from + 1 + i);
  return found.filter((to) => to - from < word.length);
}

/** The ways to part a word into known ones, those with the fewest parts; one part at most is a single letter. */
export function segmentations(word: string, known: Set<string>): string[][] {
  if (!canBeParted(word)) return [];
  /** The fewest parts from a place to the end, where none may be a single letter, and where one may. */
  const fewest = [0, 1].map(() => [...Array<number>(word.length).fill(Number.POSITIVE_INFINITY), 0]);
  const fewestFrom = (at: number, letters: number): number => fewest[letters]?.[at] ?? Number.POSITIVE_INFINITY;
  /** The known pieces that begin there, and how many single letters may come behind each. */
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
  const partings = (from: number, letters: number): string[][] => {
    if (from === word.length) return [[]];
    const found: string[][] = [];
    for (const one of next(from, letters)) {
      if (found.length >= mostSegmentations || fewestFrom(one.to, one.letters) + 1 !== fewestFrom(from, letters))
        continue;
      for (const rest of partings(one.to, one.letters)) found.push([one.piece, ...rest]);
    }
    return found;
  };
  return Number.isFinite(fewestFrom(0, 1)) ? partings(0, 1).slice(0, mostSegmentations) : [];
}

/** A word as known ones with one among them that may be mistyped. */
export interface DoubtfulSplit {
  before: string[];
  doubted: string;
  behind: string[];
}

/** Letters of a piece that may be mistyped: shorter ones are near to anything, longer ones hardly one word. */
const [shortestDoubted, longestDoubted] = [3, 14];
const longestDoubtful = 45;
const longestHalved = 24;
const mostDoubtful = 80;

/** The ways to part a word into known ones and one that may be mistyped, those with the fewest and longest parts first. */
export function doubtfulSplits(word: string, known: Set<string>): DoubtfulSplit[] {
  if (!canBeParted(word) || word.length > longestDoubtful) return [];
  const parts = (piece: string): string[] | undefined =>
    piece === '' ? [] : known.has(piece) ? [piece] : segmentations(piece, known)[0];
  const cuts = Array.from({ length: word.length + 1 }, (_, at) => at);
  const befores = cuts.map((at) => parts(word.slice(0, at)));
  const behinds = cuts.map((at) => parts(word.slice(at)));
  const found: DoubtfulSplit[] = [];
  for (const [from, before] of befores.entries()) {
    if (!before) continue;
    for (let to = from + shortestDoubted; to <= Math.min(word.length, from + longestDoubted); to++) {
      const behind = behinds[to];
      if (behind && to - from < word.length) found.push({ before, doubted: word.slice(from, to), behind });
    }
  }
  return found
    .sort((a, b) => pieceCount(a) - pieceCount(b) || shortestPart(b) - shortestPart(a))
    .slice(0, mostDoubtful);
}

const [shortestAnchor, mostAnchors] = [4, 3];

/** The longest known words inside one that is mistyped in several places: "pulp" of "pulpficshon". */
export function anchors(word: string, known: Set<string>): string[] {
  const found: string[] = [];
  for (const piece of pieces(word).sort((a, b) => b.length - a.length)) {
    const isNew = piece.length >= shortestAnchor && known.has(piece) && !found.some((other) => other.includes(piece));
    if (isNew) found.push(piece);
  }
  return found.slice(0, mostAnchors);
}

/** The same where those are mistyped, too: "future" for "balcktothe|futkure". */
export function nearAnchors(cuts: Halves[], near: (word: string) => string[]): string[] {
  const long = cuts.flat().filter(({ length }) => length > shortestAnchor);
  return long
    .sort((a, b) => b.length - a.length)
    .flatMap(near)
    .slice(0, mostAnchors);
}

export type Halves = [string, string];

/** The ways to part a word, without its article, into two that may both be mistyped. */
export function halves(text: string): Halves[] {
  const word = text.replace(/^the/, '');
  if (word.length > longestHalved) return [];
  const cuts = Array.from(
    { length: Math.max(0, word.length + 1 - 2 * shortestDoubted) },
    (_, i) => i + shortestDoubted,
  );
  return cuts.map((at) => [word.slice(0, at), word.slice(at)]);
}

function pieceCount({ before, behind }: DoubtfulSplit): number {
  return before.length + behind.length;
}

function shortestPart({ before, doubted, behind }: DoubtfulSplit): number {
  return Math.min(...[...before, doubted, ...behind].map(({ length }) => length));
}
