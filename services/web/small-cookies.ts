/** What the browser keeps beside the session: the viewer's time zone, and where their last write is. */
import type { Context } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { decodePosition, encodePosition } from '../../shared/operations/position.ts';
import { isZone } from './zone.ts';

const attributes = { path: '/', sameSite: 'Lax' } as const;

/** Chosen when signing in, or said by the script of the page. */
export function zoneOf(c: Context): string {
  const zone = getCookie(c, 'marquee-zone');
  return zone !== undefined && isZone(zone) ? zone : 'UTC';
}

export function keepZone(c: Context, zone: string): void {
  if (isZone(zone)) setCookie(c, 'marquee-zone', zone, { ...attributes, maxAge: 365 * 24 * 3600 });
}

/** After so many seconds every replica has what was written, or is not asked. */
const replicasCatchUpS = 60;

/** The position of the last write, which the next page must show, whichever replica answers. */
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
