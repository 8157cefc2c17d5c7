/** Reads a row of a file as a movie. */
import { distinct, givenFields, type MovieFields } from '../../services/movies/contract.ts';
import { fold } from '../../services/movies/fold.ts';
import type { CsvRow } from '../csv/rows.ts';
import type { Field } from './fields.ts';
import type { Header } from './header.ts';
import { readGenres, readPeople, readTitles } from './lists.ts';
import { hasFactor, type NumberStyle, readCount, readMillions, readNumber, readScore } from './numbers.ts';
import { readMinutes, readYear } from './times.ts';
import { readTitle } from './titles.ts';
import { Doubtful, isMissing, isUnknown, shown, Unreadable } from './unreadable.ts';

/** A movie read from a file, which may have no ids. */
export interface Movie extends MovieFields {
  movieId?: number;
  /** Set when the id alone identifies the film: an earlier row has the same title, year and director. */
  another?: boolean;
}

export interface Problem {
  column: string;
  reason: string;
}

export type RowResult =
  /** `warnings` lists values that were ignored or changed. */
  | { movie: Movie; warnings: Problem[] }
  /** The row is refused for these problems. */
  | { problems: Problem[] }
  /** The row is not a film but this type: TV Show, tvEpisode. */
  | { otherType: string };

/** Limits of a field, in entries or characters. */
const limits = { genres: 12, description: 5000, actors: 100, alternativeTitles: 20 };
/** Fields that lose a text, or an entry, that is too long for a movie; a title refuses the row instead. */
const lists = ['genres', 'actors', 'alternativeTitles'] as const;
const texts = ['director', 'country', 'language'] as const;
const optionalTexts = new Set<unknown>([...lists, ...texts]);
/** Longest text that is read as a number or date, in characters: some patterns take quadratic time. */
const maxNumber = 100;
const posterFolder = 'https://image.tmdb.org/t/p/w500';
const controls = /(?![\t\n\r])\p{Cc}/u;

export class RowReader {
  readonly #header: Header;
  readonly #style: NumberStyle;
  readonly #revenueUnit: 'dollars' | 'millions';

  /** @param sample rows whose values decide the unit of revenue if neither the layout nor the column's name does */
  constructor(header: Header, delimiter: string, sample: CsvRow[]) {
    this.#header = header;
    this.#style = { decimalComma: delimiter === ';' };
    this.#revenueUnit = this.#unitOf(sample);
  }

  /** Unit of the revenue column; undefined if the file has none. */
  get revenueUnit(): 'dollars' | 'millions' | undefined {
    const { positions } = this.#header;
    const has = (['revenue', 'revenueDollars', 'revenueMillions'] as const).some((field) => positions.has(field));
    return has ? this.#revenueUnit : undefined;
  }

  read({ fields, problem }: CsvRow): RowResult {
    const ofRow = (reason: string): RowResult => ({ problems: [{ column: '(row)', reason }] });
    const control = fields.map((field) => controls.exec(field)?.[0]).find(Boolean);
    if (control) {
      const code = control.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
      return ofRow(`has the control character U+${code}`);
    }
    if (fields.some((field) => field.includes('\ufffd'))) {
      return ofRow('has bytes that are invalid in the encoding of the file, or replacement characters (U+FFFD)');
    }
    if (problem) return ofRow(problem);
    const { films } = this.#header.layout;
    const type = this.#text(fields, 'type');
    if (films && type && !films.includes(type.toLowerCase())) return { otherType: type };
    return this.#movie(fields);
  }

  #movie(fields: string[]): RowResult {
    const problems: Problem[] = [];
    /** Values that cannot be read: ignored with a warning, unless the row is refused. */
    const unread: Problem[] = [];
    const warnings: Problem[] = [];
    const read = <T>(field: Field, how: (text: string) => T): T | null => {
      const text = this.#text(fields, field);
      if (isUnknown(text)) return null;
      try {
        return how(text);
      } catch (error) {
        if (!(error instanceof Unreadable || error instanceof Doubtful)) throw error;
        const column = this.#column(field);
        if (error instanceof Doubtful) problems.push({ column, reason: error.message });
        else unread.push({ column, reason: error.message });
        return null;
      }
    };
    const number = (field: Field, how: (text: string, style: NumberStyle) => number): number | null =>
      read(field, (text) => {
        if (text.length > maxNumber) throw new Unreadable(`${shown(text)} is not a number`);
        return how(text, this.#style);
      });
    const positive = (value: number | null): number | null => value || null;
    const known = this.#header.layout.zeroIsUnknown ? positive : (value: number | null) => value;

    const list = (field: Field, how: (text: string) => string[]): string[] => read(field, how) ?? [];
    const people = (field: Field, job?: string): string[] => list(field, () => this.#people(fields, field, job));

    const movieId = read('movieId', readId) ?? undefined;
    const { title, year: yearBehind, alternativeTitles } = this.#title(fields);
    const year = positive(number('year', readYear));
    if (year !== null && yearBehind !== undefined && year !== yearBehind) {
      warnings.push({
        column: this.#column('title'),
        reason: `the title says ${yearBehind}; the year column's ${year} is used`,
      });
    }
    const truncated = <T extends string | string[]>(field: keyof typeof limits, value: T): T => {
      if (value.length <= limits[field]) return value;
      const unit = typeof value === 'string' ? 'characters' : 'entries';
      warnings.push({
        column: this.#column(field),
        reason: `has ${value.length} ${unit}; only the first ${limits[field]} are kept`,
      });
      return value.slice(0, limits[field]) as T;
    };
    const otherTitles = distinct([...list('alternativeTitles', readTitles), ...alternativeTitles]);
    const revenue = (text: string, style: NumberStyle): number => readMillions(text, this.#revenueUnit, style);
    const movie = {
      title,
      genres: truncated('genres', list('genres', readGenres)),
      // Truncation must not leave half of a surrogate pair.
      description: truncated('description', this.#known(fields, 'description')).replace(/[\ud800-\udbff]$/, ''),
      director: people('director', 'Director').join(', '),
      actors: truncated('actors', people('actors')),
      year: year ?? yearBehind ?? null,
      runtimeMinutes: positive(number('runtimeMinutes', readMinutes)),
      rating: known(number('rating', (text, style) => readScore(text, 10, style))),
      votes: number('votes', readCount),
      revenueMillions: known(
        number('revenueMillions', revenue) ?? number('revenueDollars', revenue) ?? number('revenue', revenue),
      ),
      metascore: number('metascore', (text, style) => readScore(text, 100, style)),
      alternativeTitles: truncated(
        'alternativeTitles',
        otherTitles.filter((other) => fold(other) !== fold(title)),
      ),
      posterUrl: read('posterUrl', readPoster),
      country: people('country').join(', '),
      language: people('language').join(', '),
    };
    let parsed = givenFields.safeParse(movie);
    const unfit = parsed.error?.issues.filter(({ path: [field] }) => optionalTexts.has(field)) ?? [];
    if (unfit.length > 0) {
      parsed = givenFields.safeParse(withoutTexts(movie, unfit));
      const ignored = ({ path: [field], message }: Issue): Problem => ({
        column: this.#column(field as Field),
        reason: `${message}, so it is ignored`,
      });
      warnings.push(...unfit.map(ignored));
    }
    for (const issue of parsed.success ? [] : parsed.error.issues) {
      const field = issue.path[0] as Field;
      const column = this.#column(field);
      if (problems.some((one) => one.column === column)) continue;
      problems.push({ column, reason: field === 'title' && title === '' ? 'is missing' : issue.message });
    }
    if (problems.length > 0 || !parsed.success) return { problems: [...unread, ...warnings, ...problems] };
    const ignored = unread.map(({ column, reason }) => ({ column, reason: `${reason}, so it is ignored` }));
    const movieWithId = { ...(movieId === undefined ? {} : { movieId }), ...parsed.data };
    return { movie: movieWithId, warnings: [...ignored, ...warnings] };
  }

  #title(fields: string[]): ReturnType<typeof readTitle> {
    const text = this.#text(fields, 'title');
    return readTitle(isMissing(text) ? '' : text, this.#header.layout.titlesBehind ?? false);
  }

  #people(fields: string[], field: Field, job?: string): string[] {
    const at = this.#header.positions.get(field) ?? [];
    if (at.length === 1) return readPeople(this.#text(fields, field), job);
    return distinct(at.flatMap((index) => readPeople((fields[index] ?? '').trim(), job)));
  }

  #known(fields: string[], field: Field): string {
    const text = this.#text(fields, field);
    return isUnknown(text) ? '' : text;
  }

  #text(fields: string[], field: Field): string {
    const at = this.#header.positions.get(field);
    if (!at) return '';
    if (at.length === 1) return (fields[at[0] as number] ?? '').trim();
    const parts = at.map((index) => (fields[index] ?? '').trim());
    return parts.filter((part) => !isUnknown(part)).join(', ');
  }

  #column(field: Field): string {
    const { positions, columns } = this.#header;
    const revenue = field === 'revenueMillions' ? (['revenue', 'revenueDollars'] as const) : [];
    const at = [field, ...revenue].map((one) => positions.get(one)).find(Boolean);
    return at?.map((index) => columns[index]).join('+') || field;
  }

  #unitOf(sample: CsvRow[]): 'dollars' | 'millions' {
    const { positions, layout } = this.#header;
    if (positions.has('revenueDollars')) return 'dollars';
    if (positions.has('revenueMillions')) return 'millions';
    if (layout.revenue) return layout.revenue;
    const amounts = sample.flatMap(({ fields }) => {
      const text = this.#text(fields, 'revenue').replace(/^\$\s*/, '');
      if (isUnknown(text) || text.length > maxNumber || hasFactor(text)) return [];
      try {
        return [readNumber(text, this.#style)];
      } catch {
        return [];
      }
    });
    const large = amounts.filter((amount) => amount > 10_000).length;
    return large * 2 > amounts.length ? 'dollars' : 'millions';
  }
}

type Issue = { path: PropertyKey[]; message: string };

/** Returns a movie without the texts, and entries of lists, that have issues. */
function withoutTexts(movie: MovieFields, issues: Issue[]): MovieFields {
  const rest = { ...movie };
  const hasIssue = (...at: PropertyKey[]): boolean => issues.some(({ path }) => path.join() === at.join());
  for (const field of lists) rest[field] = movie[field].filter((_, index) => !hasIssue(field, index));
  for (const field of texts) if (hasIssue(field)) rest[field] = '';
  return rest;
}

/** Reads an id. @throws Doubtful for any other value: an invalid id refuses the row, it is never ignored */
function readId(text: string): number {
  if (!/^\+?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.0+)?$/.test(text))
    throw new Doubtful(`${shown(text)} is not a whole number`);
  const id = Number(text.replaceAll(',', ''));
  if (id < 1 || id > 2_147_483_647) throw new Doubtful('must be a whole number from 1 to 2147483647');
  return id;
}

/** Reads a URL or a path of TMDB. @throws Unreadable for anything else */
function readPoster(text: string): string {
  if (/^https?:\/\/[^\s/]+\/?\S*$/i.test(text) && text.length <= 2000 && URL.canParse(text)) return text;
  if (/^\/[\w.-]+\.(?:jpe?g|png|webp|svg)$/i.test(text)) return posterFolder + text;
  throw new Unreadable(`${shown(text)} is not the URL of a picture`);
}
