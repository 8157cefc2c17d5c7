/** `npm run edge:demo`: runs a hub and two edges here, cuts a link, and shows what users see on both sides. */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../shared/operations/errors.ts';
import { readArguments } from '../../shared/process/command-line.ts';
import { stopSignal } from '../../shared/process/signals.ts';
import { send } from '../chaos/client.ts';
import makeBundle from '../shared-bundle.ts';
import { EdgeSystem } from './system.ts';

const usage = `Usage: npm run edge:demo -- [--cut SECONDS] [--keep]

Starts a hub and two edges on this machine, cuts the link of one edge, shows that both sides keep working and then agree
again, and ends. Everything is in a temporary folder.

  --cut SECONDS   how long the link is down (default: 15)
  --keep          leaves the sites running until Ctrl-C`;

const names = ['hub', 'edge1', 'edge2'];
const film = 1;
const say = (line = ''): void => console.log(line);

/** Prints the current answers of each site. */
async function show(system: EdgeSystem): Promise<boolean> {
  const rows = await Promise.all(
    names.map(async (name) => {
      const { url } = system.at(name);
      const [votes, tickets] = await Promise.all([
        send<{ likes: number }>('GET', `${url}/votes/${film}`),
        send<{ items: { message: string }[] }>('GET', `${url}/support/ann`),
      ]);
      const messages = (tickets.body.items ?? []).map(({ message }) => message).sort();
      return { name, likes: votes.body.likes, tickets: messages.join(', ') || 'none' };
    }),
  );
  for (const { name, likes, tickets } of rows)
    say(`   ${name.padEnd(6)} ${String(likes).padStart(4)} likes   tickets: ${tickets}`);
  return new Set(rows.map(({ likes, tickets }) => `${likes} ${tickets}`)).size === 1;
}

async function like(system: EdgeSystem, site: string, voters: string[]): Promise<void> {
  for (const voterId of voters) {
    const { status } = await send('POST', `${system.at(site).url}/votes/${film}/like`, { body: { voterId } });
    if (status !== 200) throw new Error(`a like at ${site} was answered ${status}`);
  }
}

/** Waits until all sites give equal answers, and returns the milliseconds. @throws Error after a minute */
async function together(system: EdgeSystem): Promise<number> {
  const since = performance.now();
  for (;;) {
    const answers = await Promise.all(
      names.map(async (name) => {
        const { url } = system.at(name);
        const parts = await Promise.all([send('GET', `${url}/votes/${film}`), send('GET', `${url}/support/ann`)]);
        return JSON.stringify(parts.map(({ body }) => body));
      }),
    );
    if (new Set(answers).size === 1) return performance.now() - since;
    if (performance.now() - since > 60_000)
      throw new Error(`the sites still differ after a minute:\n${answers.join('\n')}`);
    await sleep(50);
  }
}

async function demo(system: EdgeSystem, cutSeconds: number): Promise<void> {
  say('\n1. Three sites, each with a broker and all services:');
  for (const name of names) say(`   ${name.padEnd(6)} ${system.at(name).url}`);
  for (const name of names) await like(system, name, [`viewer-of-${name}`]);
  await together(system);
  say('\n   A viewer at each site has liked the same film. All sites answer:');
  await show(system);

  const edge = system.at('edge1');
  say(`\n2. The link of edge1 is cut for ${cutSeconds} s. Viewers continue on both sides:`);
  edge.link?.cut();
  const until = performance.now() + cutSeconds * 1000;
  const opened = ['edge1', 'hub'].map((name) =>
    send('POST', `${system.at(name).url}/support/ann`, { body: { message: `help at ${name}` } }),
  );
  await Promise.all(opened);
  for (let round = 0; performance.now() < until; round++) {
    await like(system, 'edge1', [`edge-${2 * round}`, `edge-${2 * round + 1}`]);
    await like(system, 'hub', [`hub-${round}`]);
    await sleep(250);
  }
  await show(system);
  const refused = await send('POST', `${edge.url}/movies`, {
    body: { movieId: 9001, title: 'Made at the edge', genres: ['Drama'] },
  });
  say(
    `\n   The catalogue belongs to the hub. edge1 answers ${refused.status} to a new film: ${String(refused.body.detail)}`,
  );

  say('\n3. The link is restored.');
  edge.link?.resume();
  const ms = await together(system);
  say(`   After ${(ms / 1000).toFixed(1)} s all sites give equal answers, with every like and every ticket:`);
  if (!(await show(system))) throw new Error('the sites differ');
  const added = await send('POST', `${edge.url}/movies`, {
    body: { movieId: 9001, title: 'Made at the edge', genres: ['Drama'] },
  });
  say(`\n   A new film at edge1 now: ${added.status}, forwarded to the hub.`);
  say(`\n4. What the operator sees (npm run site -- status):\n`);
  say(indented(await system.at('hub').command(['status'])));
}

const indented = (text: string): string => text.trimEnd().replace(/^/gm, '   ');

const stopped = stopSignal(20_000);
let isStopped = false;
void stopped.then(() => {
  isStopped = true;
});
let system: EdgeSystem | undefined;
try {
  const { values } = readArguments({
    usage,
    options: { cut: { type: 'string', default: '15' }, keep: { type: 'boolean' } },
  });
  const cut = Number(values.cut);
  if (!(cut > 0 && cut <= 3600)) throw new Error(`--cut ${values.cut}: must be a number of seconds, at most 3600`);
  const removeBundle = await makeBundle();
  try {
    say('Starting a hub and two edges …');
    const starting = EdgeSystem.start({ edges: ['edge1', 'edge2'] });
    system = await starting;
    const end = stopped.then(() => 'stopped' as const);
    const how = await Promise.race([demo(system, cut), end]);
    if (how !== 'stopped' && values.keep) {
      say('\nThe sites keep running. Ctrl-C stops them.');
      await end;
    }
  } finally {
    say('\nStopping …');
    await system?.[Symbol.asyncDispose]();
    removeBundle?.();
  }
  process.exit(0);
} catch (error) {
  // Ctrl-C stops the sites as well, so waits for them fail; that is not an error.
  if (!isStopped) console.error(messageOf(error));
  process.exit(1);
}
