/** Upper bound for HTTP: bare Hono that answers every request with the same JSON of `SIZE` bytes. */
import { Hono } from 'hono';
import { serve } from '../../shared/http/server.ts';

const size = Number(process.env.SIZE ?? 600);
const empty = JSON.stringify({ movieId: 1, text: '' });
const body = JSON.stringify({ movieId: 1, text: 'x'.repeat(Math.max(0, size - empty.length)) });
const headers = { 'content-type': 'application/json' };

const app = new Hono();
app.get('*', () => new Response(body, { headers }));
const server = await serve((request, environment) => app.fetch(request, environment), '127.0.0.1', 0);
console.log(`listening on http://127.0.0.1:${server.port}`);
