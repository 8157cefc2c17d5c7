/** Forms for administrators to add, edit and remove films. */
import type { FC } from 'hono/jsx';
import { AppError, type FieldError } from '../../../shared/operations/errors.ts';
import { type MovieFields, movieFields, movies } from '../../movies/contract.ts';
import { Problem, useVisit } from '../components.tsx';
import { filmId } from '../film.tsx';
import { ignore } from '../form.ts';
import type { Form, PageContext } from '../visit.ts';

type Field = keyof MovieFields;

/** How a field is edited: lists by commas or lines, numbers as text. A field without a kind is a line of text. */
const kinds: Partial<Record<Field, 'commas' | 'lines' | 'number' | 'long'>> = {
  genres: 'commas',
  // Names may contain commas: Robert Downey, Jr.
  actors: 'lines',
  alternativeTitles: 'lines',
  description: 'long',
  year: 'number',
  runtimeMinutes: 'number',
  rating: 'number',
  votes: 'number',
  revenueMillions: 'number',
  metascore: 'number',
};
const fields = Object.keys(movieFields.shape) as Field[];

interface Shown {
  form: Form;
  problems?: FieldError[];
  /** Id of the edited film; undefined for a new one. */
  movieId?: number;
}

/** GET /film-new */
export async function newFilm(c: PageContext): Promise<Response> {
  const last = await c.var.visit.part(movies.list, { sort: '-movieId', limit: 1 });
  return show(c, { form: last ? { movieId: String((last.items[0]?.movieId ?? 0) + 1) } : {} });
}

/** GET /film/:movieId/edit */
export async function editFilm(c: PageContext): Promise<Response> {
  return show(c, await storedFilm(c));
}

/** POST /film-new */
export async function addFilm(c: PageContext): Promise<Response> {
  const { form } = c.var.visit;
  const movieId = Number(form.movieId);
  return change(c, { form }, async () => {
    await c.var.visit.ask(movies.add, { movieId, ...fieldsOf(form) });
    return `/film/${movieId}`;
  });
}

/** POST /film/:movieId/edit. Sends the revision that was edited, so that it cannot overwrite someone else's change. */
export async function replaceFilm(c: PageContext): Promise<Response> {
  const movieId = filmId(c);
  const { form } = c.var.visit;
  return change(c, { form, movieId }, async () => {
    await c.var.visit.ask(movies.replace, { movieId, ifMatch: form.revision, ...fieldsOf(form) });
    return `/film/${movieId}`;
  });
}

/** POST /film/:movieId/remove */
export async function removeFilm(c: PageContext): Promise<Response> {
  const { visit } = c.var;
  return change(c, undefined, async () => {
    const removed = visit.ask(movies.remove, { movieId: filmId(c), ifMatch: visit.form.revision });
    await removed.catch(ignore('not_found'));
    return '/browse';
  });
}

/**
 * Runs a change and redirects to the path it returns. If it is refused, shows the form with the errors.
 * @param sent the form as it was sent; undefined to show the film as it is stored
 */
async function change(c: PageContext, sent: Shown | undefined, run: () => Promise<string>): Promise<Response> {
  try {
    return c.redirect(await run(), 303);
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500 || error.status < 400) throw error;
    c.status(error.status as 400);
    const { edit, errors } = c.var.visit.texts;
    // The only conflict is a new film whose number is taken.
    const message = error.code === 'conflict' ? edit.taken : errors[error.code];
    return show(c, { ...(sent ?? (await storedFilm(c))), problems: error.fields ?? [{ field: '', message }] });
  }
}

async function storedFilm(c: PageContext): Promise<Shown> {
  const movieId = filmId(c);
  const movie = await c.var.visit.ask(movies.details, { movieId });
  const form = fields.map((field) => [field, asTyped(field, movie[field])] as const);
  return { movieId, form: { ...Object.fromEntries(form), revision: String(movie.revision) } };
}

function asTyped(field: Field, value: MovieFields[Field]): string {
  if (Array.isArray(value)) return value.join(kinds[field] === 'lines' ? '\n' : ', ');
  return value === null ? '' : String(value);
}

/** Converts a form to the fields of a film. An invalid number stays text, so that the catalogue reports the error. */
function fieldsOf(form: Form): MovieFields {
  const value = (field: Field): unknown => {
    const text = (form[field] ?? '').trim();
    const parts = (separator: string): string[] => text.split(separator).flatMap((part) => part.trim() || []);
    switch (kinds[field]) {
      case 'commas':
        return parts(',');
      case 'lines':
        return parts('\n');
      case 'number':
        return text === '' ? null : /^-?\d+([.,]\d+)?$/.test(text) ? Number(text.replace(',', '.')) : text;
      default:
        return text === '' && field === 'posterUrl' ? null : text;
    }
  };
  return Object.fromEntries(fields.map((field) => [field, value(field)])) as MovieFields;
}

function show(c: PageContext, shown: Shown): Response | Promise<Response> {
  const { texts } = c.var.visit;
  const title = shown.movieId === undefined ? texts.edit.add : texts.edit.change;
  return c.render(<FilmForm title={title} {...shown} />, { title });
}

const FilmForm: FC<Shown & { title: string }> = ({ title, form, problems = [], movieId }) => {
  const { texts } = useVisit();
  const action = movieId === undefined ? '/film-new' : `/film/${movieId}/edit`;
  const problemOf = (field: Field): FieldError | undefined =>
    problems.find((problem) => problem.field.split('.')[0] === field);
  const firstWrong = fields.find(problemOf);
  const general = problems.filter(({ field }) => !fields.some((known) => field.split('.')[0] === known));
  return (
    <>
      <form class="sheet" method="post" action={action}>
        <h1>{title}</h1>
        {problems.length > general.length ? <Problem text={texts.edit.wrong} /> : null}
        {general.map(({ field, message }) => (
          <Problem text={[field === 'movieId' ? texts.edit.number : field, message].filter(Boolean).join(': ')} />
        ))}
        {movieId === undefined ? (
          <label>
            <span>{texts.edit.number}</span>
            <input name="movieId" required inputmode="numeric" pattern="[1-9][0-9]*" value={form.movieId} />
          </label>
        ) : (
          <input type="hidden" name="revision" value={form.revision} />
        )}
        {fields.map((field) => (
          <FieldInput
            field={field}
            value={form[field] ?? ''}
            problem={problemOf(field)}
            isFirst={field === firstWrong}
          />
        ))}
        <button type="submit" class="button strong">
          {texts.save}
        </button>
      </form>
      {movieId === undefined ? null : (
        <form method="post" action={`/film/${movieId}/remove`}>
          <input type="hidden" name="revision" value={form.revision} />
          <details class="resolve">
            <summary class="button">{texts.edit.remove}</summary>
            <p>{texts.edit.removed}</p>
            <button type="submit" class="button strong">
              {texts.edit.really}
            </button>
          </details>
        </form>
      )}
    </>
  );
};

const FieldInput: FC<{ field: Field; value: string; problem: FieldError | undefined; isFirst: boolean }> = ({
  field,
  value,
  problem,
  isFirst,
}) => {
  const { texts } = useVisit();
  const kind = kinds[field];
  const described = problem
    ? { 'aria-invalid': 'true' as const, 'aria-describedby': `${field}-problem`, autofocus: isFirst }
    : {};
  return (
    <div>
      <label for={field}>
        <span>{texts.edit.fields[field]}</span>
      </label>
      {kind === 'long' || kind === 'lines' ? (
        <textarea id={field} name={field} rows={kind === 'long' ? 5 : 2} {...described}>
          {value}
        </textarea>
      ) : (
        <input
          id={field}
          name={field}
          value={value}
          required={field === 'title'}
          inputmode={kind === 'number' ? 'decimal' : undefined}
          {...described}
        />
      )}
      {problem ? (
        <span class="wrong" id={`${field}-problem`} lang="en">
          {problem.message}
        </span>
      ) : null}
    </div>
  );
};
