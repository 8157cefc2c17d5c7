/** Cookies other than the session: the viewer's time zone and the position of their last write. */
import type { Context } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { decodePosition, encodePosition } from '../../shared/operations/position.ts';
import { isZone } from './zone.ts';

const attributes = { path: '/', sameSite: 'Lax' } as const;

/** Returns the viewer's time zone, if the sign-in form or the page's script has set it. */
export function zoneOf(c: Context): string | undefined {
  const zone = getCookie(c, 'marquee-zone');
  return zone !== undefined && isZone(zone) ? zone : undefined;
}

export function keepZone(c: Context, zone: string): void {
  if (isZone(zone)) setCookie(c, 'marquee-zone', zone, { ...attributes, maxAge: 365 * 24 * 3600 });
}

/** Seconds after which every replica that takes requests has applied a write. */
const replicasCatchUpS = 60;

/** Returns the position of the last write, which the next page must show, whichever replica answers. */
export function positionOf(c: Context): string | undefined {
  const position = getCookie(c, 'marquee-position');
  try {
    return position && encodePosition(decodePosition(position));
  } catch {
    return undefined;
  }
}

export function keepPosition(c: Context, position: string | undefined): void {
  if (position !== undefined)
    setCookie(c, 'marquee-position', position, { ...attributes, httpOnly: true, maxAge: replicasCatchUpS });
}
