/** Ends with status 0 when the service in this container is ready: `node healthcheck.js`, or with `healthz` alive. */
import { get } from 'node:http';

const path = process.argv[2] ?? 'readyz';
// node:http and not fetch: it takes half the time, and this runs every few seconds in every container.
const request = get({ port: process.env.HEALTH_PORT ?? '8080', path: `/${path}`, timeout: 3000 }, (response) => {
  process.exit(response.statusCode === 200 ? 0 : 1);
});
request.on('timeout', () => request.destroy(new Error('timeout')));
request.on('error', () => process.exit(1));
