/**
 * Forwards TCP ports to the replicas of every service behind the gateway, and others by `PORT:HOST:PORT`: `node
 * forward.js 4222:broker:4222`. Compose cannot publish one port for several replicas; this can, and spreads connections
 * over them.
 */
import { createServer as createHttpServer } from 'node:http';
import { createConnection, createServer } from 'node:net';
import { backingServices } from '../../services/index.ts';
import { stopSignal } from '../../shared/process/signals.ts';

/** @throws Error for anything but `port:host:port`. */
function parse(route: string): { port: number; host: string; targetPort: number } {
  const [, port, host, targetPort] = /^(\d+):([\w.-]+):(\d+)$/.exec(route) ?? [];
  if (!port || !host || !targetPort) throw new Error(`${route} is not PORT:HOST:PORT`);
  return { port: Number(port), host, targetPort: Number(targetPort) };
}

const own = backingServices.map(({ name, port }) => `${port}:${name}:${port}`);
const servers = [...own, ...process.argv.slice(2)].map((route) => {
  const { port, host, targetPort } = parse(route);
  // The name is looked up for each connection, so that replicas may come and go.
  const server = createServer((client) => {
    const target = createConnection(targetPort, host);
    client.pipe(target).pipe(client);
    client.on('error', () => target.destroy());
    target.on('error', () => client.destroy());
  });
  server.listen(port, () => console.log(`${port} → ${host}:${targetPort}`));
  return server;
});

// For the health check: this forwards, whatever becomes of the services behind. While they are replaced, a check
// through one of them would fail, and with it the `up --wait` that replaces them.
const health = createHttpServer((_, response) => response.end()).listen(Number(process.env.HEALTH_PORT ?? 8080));

await stopSignal();
for (const server of [...servers, health]) server.close();
process.exit(0);
