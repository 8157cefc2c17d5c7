/** Broker configuration that is specific to a hub or an edge. */
import { userBlock } from '../nats/user-block.ts';
import { type Register, sitesOf } from './register.ts';
import { leafUser } from './rights.ts';

/** Environment variable of an edge's broker with the secret key of its leaf connection. */
export const seedVariable = 'SITE_NKEY_SEED';

/** Returns an entry of the hub's users for each edge that may connect. */
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

/** Returns the listener for the leaf connections of edges. */
export function leafListener(listen: string): string {
  return `leafnodes { listen: ${JSON.stringify(listen)}, no_advertise: true }\n`;
}

/**
 * Returns the configuration of a hub without users, such as that of `npm start`, where only edges need keys.
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
 * Returns the configuration of an edge. It reconnects every second but logs one failure a minute, since a week of them
 * would be 100 MB. It ignores the addresses that the hub's brokers announce, which it may not be able to reach.
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
