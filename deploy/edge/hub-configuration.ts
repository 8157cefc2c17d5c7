/** The broker's configuration of a hub in a deployment: users.conf with what sites add, and the listener for edges. */
import { hub } from '../../shared/process/sites.ts';
import { siteInbox } from '../../streams/site-api.ts';
import { copiedKinds } from '../../streams/sites.ts';
import { hubLines, leafListener, leafUsers } from './broker-lines.ts';
import { type Register, sitesOf } from './register.ts';

const head = `# Written by \`docker compose run --rm site\`; changes here are lost. After an update: docker compose run --rm site write
include ./broker.conf
jetstream { store_dir: /data, sync_interval: always, domain: ${hub} }
`;
const listen = '0.0.0.0:7422';

/** @param users the text of users.conf; undefined for a trial without users */
export function hubConfiguration(register: Register, users: string | undefined): string {
  if (users === undefined) return head + hubLines(register, listen);
  return `${head}${leafListener(listen)}${withSites(users, register)}`;
}

/** Gives users the same rights to copies of a stream that they have to the stream, and adds those of the edges. */
function withSites(users: string, register: Register): string {
  const edges = sitesOf(register).filter((site) => site !== hub);
  const copied = copiedKinds.filter((kind) => kind !== 'CATALOGUE').join('|');
  const ofStream = new RegExp(`^ *"\\$JS\\.(?:API|ACK)\\.(?:[A-Z]+\\.)*(${copied})(?=[."])`);
  const lines: string[] = [];
  let user = '';
  let list = '';
  for (const line of users.split('\n')) {
    user = /^ {4}# (\S+)$/.exec(line)?.[1] ?? user;
    list = /^ +(publish|subscribe): \{$/.exec(line)?.[1] ?? list;
    // The end of all users.
    if (line === '  ]') lines.push(leafUsers(register));
    lines.push(line);
    const kind = ofStream.exec(line)?.[1];
    if (kind) lines.push(...edges.map((edge) => line.replace(kind, `${kind}_${edge}`)));
    if (line.trim() === 'allow: [')
      lines.push(...more(user, list, edges).map((subject) => `            ${JSON.stringify(subject)}`));
  }
  return lines.join('\n');
}

/**
 * What users need beside: the gateway looks after the links, movies does what edges ask for, and consumers of a system that was
 * alone keep its streams from being those of a hub.
 */
function more(user: string, list: string, edges: string[]): string[] {
  if (user === 'streams' && list === 'publish')
    return copiedKinds.flatMap((kind) => [`$JS.API.CONSUMER.LIST.${kind}`, `$JS.API.CONSUMER.DELETE.${kind}.*`]);
  if (user === 'movies' && list === 'subscribe') return [`to.${hub}.*.catalogue movies`];
  if (user !== 'gateway') return [];
  if (list === 'subscribe') return [`${siteInbox(hub)}.>`];
  const own = ['CATALOGUE', 'LIBRARY', ...copiedKinds].flatMap((kind) => [
    kind,
    ...edges.map((edge) => `${kind}_${edge}`),
  ]);
  const looks = (api: string, stream: string) => ['INFO', 'MSG.GET'].map((verb) => `${api}.STREAM.${verb}.${stream}`);
  const away = edges.flatMap((edge) =>
    copiedKinds.flatMap((kind) => [kind, `${kind}_${hub}`].flatMap((stream) => looks(`$JS.${edge}.API`, stream))),
  );
  return [...new Set([...own.flatMap((stream) => looks('$JS.API', stream)), ...away])];
}
