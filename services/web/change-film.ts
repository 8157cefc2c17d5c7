/** Changes of a viewer's relation to a film: like, reminder, watched. */
import { ranking } from '../ranking/contract.ts';
import { reminder } from '../reminder/contract.ts';
import { film, filmId } from './film.tsx';
import { goBack, ignore } from './form.ts';
import type { Form, PageContext } from './visit.ts';
import { instantOf, type Preset, presets, presetTime } from './zone.ts';

/** POST /film/:movieId/:what. Applies the change and redirects back to the page. */
export async function changeFilm(c: PageContext): Promise<Response> {
  const { visit } = c.var;
  const movieId = filmId(c);
  const userId = visit.user;
  switch (c.req.param('what')) {
    case 'like':
      await visit.ask(ranking.like, { movieId, voterId: userId });
      break;
    case 'unlike':
      await visit.ask(ranking.unlike, { movieId, voterId: userId });
      break;
    case 'remind': {
      const remindAt = remindTime(visit.form, visit.zone);
      if (remindAt === undefined) return film(c, visit.texts.film.badTime);
      await visit.ask(reminder.set, { userId, movieId, remindAt });
      break;
    }
    case 'forget':
      await visit.ask(reminder.clear, { userId, movieId }).catch(ignore('not_found'));
      break;
    case 'watched':
      await visit.ask(reminder.watch, { userId, movieId });
      break;
    case 'unwatched':
      await visit.ask(reminder.unwatch, { userId, movieId }).catch(ignore('not_found'));
      break;
  }
  return goBack(c, `/film/${movieId}`);
}

const fiveYearsMs = 5 * 365 * 24 * 3600 * 1000;

/** Reads the reminder time of a form. @returns null if it has none, undefined if the time is not valid */
function remindTime({ preset, when }: Form, zone: string): string | null | undefined {
  if (preset === undefined && when === undefined) return null;
  const time = presets.includes(preset as Preset) ? presetTime(preset as Preset, zone) : instantOf(when ?? '', zone);
  const ahead = (time?.getTime() ?? 0) - Date.now();
  return time && ahead > 0 && ahead < fiveYearsMs ? time.toISOString() : undefined;
}
