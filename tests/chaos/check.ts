/** Checks after all faults: the load's acknowledgements against what is stored, and replicas against each other. */

import { walk } from './client.ts';
import type { Injector } from './injector.ts';
import type { Actor, Answers, Entrances, Ledger, ReplicaAnswers } from './ledger.ts';
import { checkLikes, Likes } from './likes.ts';
import { lists } from './lists.ts';

/** Further lists, with parameters, that all replicas of a service must answer equally. */
const more: Record<string, string[]> = {
  movies: ['/movies?sort=-title', '/movies/genre/chaos', '/movies?q=film'],
  ranking: ['/ranking?by=trending', '/ranking?by=rating', '/ranking/genre/race'],
  'technical-support': ['/orders?state=acknowledged'],
};

/** The system to check and the load that ran on it. */
export type Checked = Pick<Entrances, 'replicas'> & Pick<Answers, 'subjects'>;

interface Parts {
  system: Checked;
  actors: Actor[];
  /** Publisher of broken events; without it no dead letter is expected. */
  injector?: Injector;
  ledger: Ledger;
}

/** Runs all checks and records findings in the ledger. */
export async function checkAll({ system, actors, injector, ledger }: Parts): Promise<void> {
  await checkReplicas(system, ledger);
  const answers = await collect(system);
  for (const actor of actors) await actor.check(answers);
  const likes = actors.filter((actor) => actor instanceof Likes);
  checkLikes(likes, answers, (what) => ledger.found(what));
  checkDeadLetters(injector, await answers.subjects('DEADLETTERS'), ledger);
}

async function checkReplicas(system: Checked, ledger: Ledger): Promise<void> {
  for (const [service, paths] of Object.entries(lists)) {
    for (const path of [...paths, ...(more[service] ?? [])]) {
      const replicas = system.replicas(service);
      const [first = [], ...others] = await Promise.all(
        replicas.map(async ({ url }) => (await walk(url + path)).map((item) => JSON.stringify(item))),
      );
      others.forEach((other, which) => {
        const index = first.findIndex((item, at) => item !== other[at]);
        if (index < 0 && first.length === other.length) return;
        const at = index < 0 ? first.length : index;
        const names = [replicas[0], replicas[which + 1]].map((replica) => replica?.name).join(' and ');
        ledger.found(`${names} of ${service} differ on ${path}, entry ${at}:\n  ${first[at]}\n  ${other[at]}`);
      });
    }
  }
}

async function collect(system: Checked): Promise<Answers> {
  const of = <T>(service: string, path: string): Promise<ReplicaAnswers<T>[]> =>
    Promise.all(system.replicas(service).map(async (member) => ({ member, items: await walk<T>(member.url + path) })));
  return {
    movies: await of('movies', '/movies'),
    likes: await of('ranking', '/votes'),
    reminders: await of('reminder', '/reminder'),
    watched: await of('reminder', '/watched'),
    orders: await of('technical-support', '/orders'),
    replicas: (service) => system.replicas(service),
    subjects: (stream) => system.subjects(stream),
  };
}

function checkDeadLetters(injector: Injector | undefined, subjects: Record<string, number>, ledger: Ledger): void {
  const found = new Set<string>();
  for (const [subject, count] of Object.entries(subjects)) {
    const [, stream, consumer, place, state] = subject.split('.');
    const letter = `${stream}.${consumer}.${place?.split('-')[1]}`;
    found.add(letter);
    if (count !== 1 || state !== 'failed') ledger.found(`dead letter ${subject} is ${state} and occurs ${count} times`);
    if (!injector?.deadLetters.has(letter)) ledger.found(`dead letter ${subject} does not belong to a broken event`);
  }
  for (const letter of injector?.deadLetters ?? [])
    if (!found.has(letter)) ledger.found(`dead letter ${letter} is missing`);
}
