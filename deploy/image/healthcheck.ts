/** Exits with status 0 if the service in this container is ready (`node healthcheck.js`) or alive (`… healthz`). */
import { get } from 'node:http';

const path = process.argv[2] ?? 'readyz';
// node:http takes half the time of fetch, and this runs every few seconds in every container.
const request = get({ port: process.env.HEALTH_PORT ?? '8080', path: `/${path}`, timeout: 3000 }, (response) => {
  process.exit(response.statusCode === 200 ? 0 : 1);
});
request.on('timeout', () => request.destroy(new Error('timeout')));
request.on('error', () => process.exit(1));
