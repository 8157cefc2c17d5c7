/** The route of the posters. */
import type { PageContext } from '../visit.ts';
import { drawPoster } from './poster.ts';

const posterHeaders = {
  'content-type': 'image/svg+xml; charset=utf-8',
  'cache-control': 'public, max-age=31536000, immutable',
  'content-security-policy': "default-src 'none'; style-src 'none'; sandbox",
  'x-content-type-options': 'nosniff',
};

/** GET /poster.svg. The query holds everything that the poster shows, so that caches never need to revalidate it. */
export function poster(c: PageContext): Response {
  const { t = '', g = '', y = '' } = c.req.query();
  const year = /^\d{4}$/.test(y) ? Number(y) : null;
  return new Response(drawPoster({ title: t.slice(0, 600), genre: g.slice(0, 40), year }), { headers: posterHeaders });
}
