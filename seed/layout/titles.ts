/** Parses titles as catalogues write them: `Lighthouse, The (Leuchtturm, Der) (2004)`. */

export interface Title {
  title: string;
  /** The year in parentheses after the title. */
  year: number | undefined;
  alternativeTitles: string[];
}

const nothingBehind = /\s*\(\s*\)$/;
const yearBehind = /\s*\(\s*(\d{4})(?:\s*[-–—]\s*(?:\d{2}|\d{4})?)?\s*\)$/;
const articleBehind =
  /^(.+), (The|An|A|Le|La|Les|L'|L’|Der|Die|Das|Ein|Eine|El|Los|Las|Il|Lo|Gli|Un|Une|Una|Det|Den|De|Het|O|Os|As|I)$/;
/** Longest title that is parsed, in characters: the patterns take quadratic time on a text with many blanks. */
const maxLength = 1000;
const titleBehind = /^(.+?)\s*\(([^()]+)\)$/;

/**
 * Splits a title from its year and puts its article in front.
 * @param others whether further parentheses contain alternative titles, as in MovieLens files
 */
export function readTitle(given: string, others: boolean): Title {
  if (given.length > maxLength) return { title: given, year: undefined, alternativeTitles: [] };
  const text = given.replace(nothingBehind, '') || given;
  const withYear = yearBehind.exec(text);
  // A year in parentheses without anything before it is the title itself.
  const isBehind = withYear !== null && withYear.index > 0;
  let title = isBehind ? text.slice(0, withYear.index) : text;
  const year = isBehind ? Number(withYear[1]) : undefined;
  const alternativeTitles: string[] = [];
  for (let found = titleBehind.exec(title); others && found; found = titleBehind.exec(title)) {
    title = found[1] as string;
    alternativeTitles.unshift(articleInFront((found[2] as string).replace(/^a\.?k\.?a\.? /i, '').trim()));
  }
  return { title: articleInFront(title), year, alternativeTitles };
}

function articleInFront(title: string): string {
  const [, rest, article] = articleBehind.exec(title) ?? [];
  if (!rest || !article) return title;
  return /['’]$/.test(article) ? `${article}${rest}` : `${article} ${rest}`;
}
