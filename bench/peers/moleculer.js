/**
 * Moleculer 0.15 with NATS and moleculer-web: `node moleculer.js gateway|movies|ranking`, or `client` for
 * request-reply. The further argument `equipped` turns on Moleculer's counterparts of what Marquee does in every
 * request.
 */
import { createRequire } from 'node:module';
import { serveRounds } from './client.js';
import { openLikes, openMovies } from './store.js';

const require = createRequire(import.meta.url);
const { ServiceBroker, Errors } = require('moleculer');
const [role, equipment] = process.argv.slice(2);
const equipped = { metrics: true, circuitBreaker: { enabled: true }, requestTimeout: 5000 };
const broker = new ServiceBroker({
  nodeID: role,
  namespace: equipment ?? '',
  logger: false,
  ...(equipment === 'equipped' ? equipped : {}),
  transporter: { type: 'NATS', options: { url: process.env.NATS_URL } },
});
const params = { movieId: { type: 'number', integer: true, convert: true } };

if (role === 'gateway') {
  const ApiGateway = require('moleculer-web');
  const gateway = broker.createService({
    name: 'api',
    mixins: [ApiGateway.default ?? ApiGateway],
    settings: {
      port: 0,
      ip: '127.0.0.1',
      routes: [{ path: '/', aliases: { 'GET /movies/:movieId': 'movies.get' }, bodyParsers: false, mergeParams: true }],
    },
  });
  await broker.start();
  await broker.waitForServices(['movies']);
  console.log(`listening on http://127.0.0.1:${gateway.server.address().port}`);
} else if (role === 'movies') {
  const find = openMovies();
  const details = (movieId) => {
    const movie = find(movieId);
    if (!movie) throw new Errors.MoleculerClientError('not found', 404);
    return movie;
  };
  broker.createService({
    name: 'movies',
    actions: {
      get: {
        params,
        async handler(ctx) {
          const { likes } = await ctx.call('ranking.likes', { movieId: ctx.params.movieId });
          return { ...details(ctx.params.movieId), likes };
        },
      },
      details: { params, handler: (ctx) => details(ctx.params.movieId) },
    },
  });
  await broker.start();
  console.log('listening');
} else if (role === 'ranking') {
  const find = openLikes();
  broker.createService({
    name: 'ranking',
    actions: {
      likes: { params, handler: ({ params: { movieId } }) => ({ movieId, likes: find(movieId) ?? 0, liked: null }) },
    },
  });
  await broker.start();
  console.log('listening');
} else {
  await broker.start();
  await broker.waitForServices(['movies']);
  serveRounds((movieId) => broker.call('movies.details', { movieId }));
}
