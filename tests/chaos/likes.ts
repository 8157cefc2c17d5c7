/** Viewers who like and unlike movies; some are anonymous, and some retry unanswered votes with an idempotency key. */
import { voterOf } from '../../services/ranking/commands.ts';
import { send } from './client.ts';
import { type Actor, type Answers, type Desk, entrance, Register } from './ledger.ts';

/** Movies that exist during the whole run. */
export const likedMovies = Array.from({ length: 12 }, (_, index) => index + 1);

interface Voter {
  movieId: number;
  voterId: string;
  liked: Register<boolean>;
}

/** Anonymous votes, of which only the total can be read. */
interface Nameless {
  acknowledged: number;
  unknown: number;
}

export class Likes implements Actor {
  readonly #desk: Desk;
  readonly #voters: Voter[] = [];
  readonly #nameless = new Map<number, Nameless>();
  #next = 0;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  async step(): Promise<void> {
    const { random } = this.#desk;
    const known = this.#voters.filter(({ liked, voterId }) => liked.sure && voterId.startsWith('fan-'));
    if (random.chance(0.15)) return this.#nobody();
    if (random.chance(0.15)) return this.#withKey();
    if (known.length > 0 && random.chance(0.45)) return this.#toggle(random.pick(known));
    return this.#toggle(this.add(`fan-${this.#desk.worker}-${this.#next++}`));
  }

  /** Returns a viewer who has not voted yet; also used for votes that are published directly. */
  add(voterId: string, movieId = this.#desk.random.pick(likedMovies)): Voter {
    const voter = { movieId, voterId, liked: new Register(false) };
    this.#voters.push(voter);
    return voter;
  }

  async #toggle({ movieId, voterId, liked }: Voter): Promise<void> {
    const { ledger } = this.#desk;
    const { url, direct } = entrance(this.#desk, 'ranking');
    const wanted = !liked.state;
    const path = `${url}/votes/${movieId}`;
    const result = wanted
      ? await send('POST', `${path}/like`, { body: { voterId } })
      : await send('DELETE', `${path}/like?voterId=${voterId}`);
    liked.write(result, wanted);
    ledger.count(wanted ? 'like' : 'unlike', result.outcome);
    if (result.outcome === 'refused' && result.status !== 0 && result.status !== 503) {
      ledger.found(`a vote was refused with ${result.status} ${JSON.stringify(result.body)}`);
    }
    if (!direct || result.status !== 200) return;
    const seen = await send<{ liked: boolean }>('GET', `${path}?voterId=${voterId}`);
    if (seen.status === 200 && seen.body.liked !== wanted) {
      ledger.found(`${url} answered a vote of ${voterId} with 200 and does not show it`);
    }
  }

  async #nobody(): Promise<void> {
    const movieId = this.#desk.random.pick(likedMovies);
    const result = await send('POST', `${entrance(this.#desk, 'ranking').url}/votes/${movieId}/like`, { body: {} });
    this.#desk.ledger.count('like by nobody', result.outcome);
    const counted = this.#nameless.get(movieId) ?? { acknowledged: 0, unknown: 0 };
    if (result.outcome !== 'refused') counted[result.outcome]++;
    this.#nameless.set(movieId, counted);
  }

  /** Retries with the same key until there is an answer, as a careful client does. */
  async #withKey(): Promise<void> {
    const key = `key ${this.#desk.worker} ${this.#next++}`;
    const { movieId, liked } = this.add(voterOf(undefined, key));
    for (let attempt = 0; attempt < 4 && (attempt === 0 || !liked.sure); attempt++) {
      const headers = { 'idempotency-key': key };
      const url = `${entrance(this.#desk, 'ranking').url}/votes/${movieId}/like`;
      const result = await send('POST', url, { body: {}, headers });
      // A refused retry says nothing about the previous attempt.
      if (liked.sure || result.outcome === 'acknowledged') liked.write(result, true);
      this.#desk.ledger.count('like with a key', result.outcome);
    }
  }

  async check({ likes }: Answers): Promise<void> {
    const seen = await Promise.all(likes.map(({ member }) => this.#votesAt(member.url)));
    this.#voters.forEach(({ voterId, movieId, liked }, index) => {
      const answers = seen.map((votes) => votes[index]);
      const what = `vote of ${voterId} for ${movieId}: ${answers.join(' and ')}, possible ${liked.possible.join(' or ')}`;
      if (new Set(answers).size > 1) this.#desk.ledger.found(`replicas differ on the ${what}`);
      else if (!liked.possible.includes(answers[0] as boolean)) this.#desk.ledger.found(`wrong ${what}`);
    });
  }

  /** Returns the fewest and most likes that a movie can have from this actor. */
  bounds(movieId: number): { least: number; most: number } {
    const own = this.#voters.filter((voter) => voter.movieId === movieId);
    const { acknowledged, unknown } = this.#nameless.get(movieId) ?? { acknowledged: 0, unknown: 0 };
    return {
      least: acknowledged + own.filter(({ liked }) => !liked.possible.includes(false)).length,
      most: acknowledged + unknown + own.filter(({ liked }) => liked.possible.includes(true)).length,
    };
  }

  async #votesAt(url: string): Promise<boolean[]> {
    const answers: boolean[] = [];
    for (const { movieId, voterId } of this.#voters) {
      const { body } = await send<{ liked: boolean }>('GET', `${url}/votes/${movieId}?voterId=${voterId}`);
      answers.push(body.liked);
    }
    return answers;
  }
}

/** Checks that each movie has a number of likes that all actors together can have made. */
export function checkLikes(actors: Likes[], { likes }: Answers, found: (what: string) => void): void {
  for (const movieId of likedMovies) {
    const bounds = actors.map((actor) => actor.bounds(movieId));
    const least = bounds.reduce((sum, bound) => sum + bound.least, 0);
    const most = bounds.reduce((sum, bound) => sum + bound.most, 0);
    for (const { member, items } of likes) {
      const shown = items.find((item) => item.movieId === movieId)?.likes ?? -1;
      if (shown >= least && shown <= most) continue;
      found(`${member.name} shows ${shown} likes of movie ${movieId}: ${least} to ${most} are possible`);
    }
  }
}
