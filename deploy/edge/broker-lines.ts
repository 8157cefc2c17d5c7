/** What the brokers of a hub and of an edge have in their configurations beside what every broker has. */
import { userBlock } from '../nats/user-block.ts';
import { type Register, sitesOf } from './register.ts';
import { leafUser } from './rights.ts';

/** The variable of an edge's broker that holds the secret of its leaf connection. */
export const seedVariable = 'SITE_NKEY_SEED';

/** One entry of the broker's users for each edge that may connect. */
export function leafUsers(register: Register): string {
  const sites = sitesOf(register);
  return Object.entries(register)
    .flatMap(([site, { publicKey }]) =>
      publicKey === null
        ? []
        : [userBlock(`leaf ${site}`, leafUser(site, sites), publicKey, ['allowed_connection_types: ["LEAFNODE"]'])],
    )
    .join('\n');
}

/** Where edges connect. */
export function leafListener(listen: string): string {
  return `leafnodes { listen: ${JSON.stringify(listen)}, no_advertise: true }\n`;
}

/**
 * For a hub without users, such as that of `npm start`: its own clients stay as they were, edges need their keys.
 * @param listen address and port for edges
 */
export function hubLines(register: Register, listen: string): string {
  return `${leafListener(listen)}authorization {
  users: [
    { user: local, password: local, allowed_connection_types: ["STANDARD", "WEBSOCKET"] }
${leafUsers(register)}
  ]
}
no_auth_user: local
`;
}

/**
 * For an edge. The link is tried again each second, of which one a minute is logged: a week would be 100 MB; addresses that the hub's brokers tell of each other are not for it.
 * @param ca file with the certificate authority of a hub at `tls://`
 */
export function edgeLines({ hub: urls, ca }: { hub: string; ca?: string | undefined }): string {
  const tls = urls.startsWith('tls:') ? `, tls: { ${ca ? `ca_file: ${JSON.stringify(ca)}` : ''} }` : '';
  return `connect_error_reports: 60
reconnect_error_reports: 60
leafnodes {
  reconnect: 1s
  remotes: [ { urls: ${JSON.stringify(urls.split(','))}, nkey: $${seedVariable}, ignore_discovered_servers: true${tls} } ]
}
`;
}
