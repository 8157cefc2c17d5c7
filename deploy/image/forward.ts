/**
 * Forwards TCP ports to the replicas of every service behind the gateway, and further ports given as `PORT:HOST:PORT`:
 * `node forward.js 4222:broker:4222`. Compose cannot publish one port for several replicas; this program can, and
 * spreads connections over them.
 */
import { createServer as createHttpServer } from 'node:http';
import { createConnection, createServer } from 'node:net';
import { backingServices } from '../../services/index.ts';
import { stopSignal } from '../../shared/process/signals.ts';

/** Parses `PORT:HOST:PORT`. @throws Error when the text is invalid */
function parse(route: string): { port: number; host: string; targetPort: number } {
  const [, port, host, targetPort] = /^(\d+):([\w.-]+):(\d+)$/.exec(route) ?? [];
  if (!port || !host || !targetPort) throw new Error(`${route} is not PORT:HOST:PORT`);
  return { port: Number(port), host, targetPort: Number(targetPort) };
}

const own = backingServices.map(({ name, port }) => `${port}:${name}:${port}`);
const servers = [...own, ...process.argv.slice(2)].map((route) => {
  const { port, host, targetPort } = parse(route);
  // The host name is resolved for each connection, so that replicas may come and go.
  const server = createServer((client) => {
    const target = createConnection(targetPort, host);
    client.pipe(target).pipe(client);
    client.on('error', () => target.destroy());
    target.on('error', () => client.destroy());
  });
  server.listen(port, () => console.log(`${port} → ${host}:${targetPort}`));
  return server;
});

// Health endpoint of the forwarder itself: a check through a service would fail while it is replaced, and with it the
// `up --wait` that replaces it.
const health = createHttpServer((_, response) => response.end()).listen(Number(process.env.HEALTH_PORT ?? 8080));

await stopSignal();
for (const server of [...servers, health]) server.close();
process.exit(0);
