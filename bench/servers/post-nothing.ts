/** Upper bound for a command: reads, validates and answers the POST of a like, but publishes nothing. */
import { Hono } from 'hono';
import { ranking } from '../../services/ranking/contract.ts';
import { serve } from '../../shared/http/server.ts';

const headers = { 'content-type': 'application/json' };
const app = new Hono();
app.post('/votes/:movieId/like', async (c) => {
  const body = (await c.req.json()) as Record<string, unknown>;
  const { movieId } = ranking.like.input.parse({ ...body, movieId: Number(c.req.param('movieId')) });
  return new Response(JSON.stringify({ movieId, likes: 1, liked: true }), { headers });
});
const server = await serve((request, environment) => app.fetch(request, environment), '127.0.0.1', 0);
console.log(`listening on http://127.0.0.1:${server.port}`);
