/** Pages of the dead letters, where an administrator can replay or drop each one. */
import type { FC } from 'hono/jsx';
import { AppError } from '../../../shared/operations/errors.ts';
import { DeadLetterAdmin, type WaitingLetter } from '../../../streams/dead-letter-admin.ts';
import { Act, Facts, useVisit } from '../components.tsx';
import type { PageContext } from '../visit.ts';
import { readable } from '../zone.ts';
import type { OperatorLink } from './link.ts';

/** Dead letters listed at once. The others appear when these have been replayed or dropped. */
const maxListed = 100;

/** @throws AppError if this gateway has no access to dead letters, or cannot reach the broker */
function adminOf(c: PageContext, link: OperatorLink): DeadLetterAdmin {
  const operator = link();
  if (!operator) throw new AppError('forbidden', c.var.visit.texts.status.noKey);
  return new DeadLetterAdmin(operator);
}

/** GET /status/letters */
export function lettersPage(link: OperatorLink) {
  return async (c: PageContext): Promise<Response> => {
    const letters: WaitingLetter[] = [];
    for await (const letter of adminOf(c, link).list()) {
      letters.push(letter);
      if (letters.length === maxListed) break;
    }
    const { texts } = c.var.visit;
    return c.render(
      <>
        <p>
          <a href="/status">← {texts.status.title}</a>
        </p>
        <h1>{texts.letters.title}</h1>
        <p class="quiet">{texts.letters.intro}</p>
        {letters.length === 0 ? <p class="empty">{texts.letters.none}</p> : null}
        <ul class="tickets">
          {letters.map((letter) => (
            <LetterRow letter={letter} />
          ))}
        </ul>
      </>,
      { title: texts.letters.title },
    );
  };
}

const LetterRow: FC<{ letter: WaitingLetter }> = ({ letter }) => {
  const visit = useVisit();
  return (
    <li>
      <a href={`/status/letters/${letter.seq}`}>{letter.reason}</a>
      <span class="state">{letter.consumer}</span>
      <span class="quiet">
        {letter.stream}:{letter.sequence} · {letter.subject} · {readable(letter.failedAt, visit)}
      </span>
    </li>
  );
};

/** GET /status/letters/:seq */
export function letterPage(link: OperatorLink) {
  return async (c: PageContext): Promise<Response> => {
    const letter = await adminOf(c, link).get(seqOf(c));
    const { visit } = c.var;
    const { texts } = visit;
    const rows: [string, string][] = [
      [texts.letters.reason, letter.reason],
      [texts.letters.reader, letter.consumer],
      [texts.letters.message, `${letter.stream}:${letter.sequence} ${letter.subject}`],
      [texts.letters.failed, `${readable(letter.failedAt, visit)} (${letter.attempts})`],
      ...Object.entries(letter.headers),
    ];
    const title = `${texts.letters.letter} ${letter.seq}`;
    return c.render(
      <>
        <p>
          <a href="/status/letters">← {texts.letters.title}</a>
        </p>
        <h1>{title}</h1>
        <Facts rows={rows} />
        <blockquote class="body" dir="auto">
          {letter.bodyIsInStream ? texts.letters.tooLarge : (letter.data ?? letter.dataBase64)}
        </blockquote>
        <div class="line">
          <Act to={`/status/letters/${letter.seq}/replay`} class="button strong">
            {texts.letters.replay}
          </Act>
          <Act to={`/status/letters/${letter.seq}/drop`}>{texts.letters.drop}</Act>
        </div>
        <p class="quiet">{texts.letters.explained}</p>
      </>,
      { title },
    );
  };
}

/** POST /status/letters/:seq/replay and …/drop */
export function closeLetter(link: OperatorLink, how: 'replay' | 'drop') {
  return async (c: PageContext): Promise<Response> => {
    await adminOf(c, link)[how](seqOf(c));
    return c.redirect('/status/letters', 303);
  };
}

const seqOf = (c: PageContext): number => Number(c.req.param('seq'));
