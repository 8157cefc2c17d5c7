/** Words that are written as one: "starwars", "cityofgod". Pure. */

const shortest = 4;
const longest = 24;
const mostParts = 5;
const mostSegmentations = 8;

/** The pieces of a word that have to be known to part it. */
export function pieces(word: string): string[] {
  if (word.length < shortest || word.length > longest) return [];
  const found: string[] = [];
  for (let from = 0; from < word.length; from++) {
    for (let to = from + 1; to <= word.length; to++) if (to - from < word.length) found.push(word.slice(from, to));
  }
  return found;
}

/** The ways to part a word into known ones, those with the fewest parts; one part at most is a single letter. */
export function segmentations(word: string, known: Set<string>): string[][] {
  if (word.length < shortest || word.length > longest) return [];
  const partings = (rest: string, parts: number, letters: number): string[][] => {
    if (parts === 1) return (rest.length > 1 || letters > 0) && known.has(rest) ? [[rest]] : [];
    const found: string[][] = [];
    for (let to = letters > 0 ? 1 : 2; to < rest.length && found.length < mostSegmentations; to++) {
      const first = rest.slice(0, to);
      if (!known.has(first)) continue;
      const others = partings(rest.slice(to), parts - 1, letters - (to === 1 ? 1 : 0));
      for (const other of others) found.push([first, ...other]);
    }
    return found;
  };
  for (let parts = 2; parts <= mostParts; parts++) {
    const found = partings(word, parts, 1);
    if (found.length > 0) return found.slice(0, mostSegmentations);
  }
  return [];
}
