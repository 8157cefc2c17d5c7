/** Asks the brokers of other sites over their links, and the own one alike. */
import { JetStreamApiError, jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import { createInbox, type NatsConnection, TimeoutError } from '@nats-io/nats-core';
import { findStream, streamNotFound } from '../shared/broker/lost-stream.ts';
import type { Sites } from '../shared/process/sites.ts';

/** Where the answers to a site's questions about streams of other sites go: nothing else crosses a link to an inbox. */
export const siteInbox = (site: string): string => `_INBOX.site.${site}`;

const answersWithinMs = 2000;

/** A site does not answer: its link is cut, or it is down. */
export class SiteAway extends Error {
  override readonly name = 'SiteAway';
  readonly site: string;

  constructor(site: string) {
    super(`${site} does not answer`);
    this.site = site;
  }
}

/**
 * A stream at a site, this one or another; undefined where it has no such stream.
 * @throws SiteAway for another; JetStreamApiError
 */
export async function streamAt(
  nc: NatsConnection,
  { site: own }: Pick<Sites, 'site'>,
  site: string,
  stream: string,
): Promise<StreamInfo | undefined> {
  return site === own ? streamHere(nc, stream) : ask<StreamInfo>(nc, own, site, `STREAM.INFO.${stream}`);
}

export async function streamHere(nc: NatsConnection, stream: string): Promise<StreamInfo | undefined> {
  try {
    return await findStream(await jetstreamManager(nc, { checkAPI: false }), stream);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    throw new Error(
      `the broker does not say what ${stream} is: of three two must be up, and need seconds when one is lost`,
      { cause: error },
    );
  }
}

/** What tells a message of a stream from others: no two have the same time, in nanoseconds. */
export interface MessageMark {
  seq: number;
  time: string;
}

/**
 * The first message of a stream at a site from a sequence on; undefined where there is none.
 * @throws SiteAway, also where the broker of another site does not let this one ask; JetStreamApiError
 */
export async function messageAt(
  nc: NatsConnection,
  { site: own }: Pick<Sites, 'site'>,
  site: string,
  stream: string,
  from: number,
): Promise<MessageMark | undefined> {
  const query = { seq: from, next_by_subj: '>' };
  if (site !== own) {
    const call = `STREAM.MSG.GET.${stream}`;
    return (await ask<{ message: MessageMark }>(nc, own, site, call, JSON.stringify(query)))?.message;
  }
  const found = await (await jetstreamManager(nc, { checkAPI: false })).streams.getMessage(stream, query);
  return found ? { seq: found.seq, time: found.timestamp } : undefined;
}

const messageNotFound = 10037;

/** Calls the API of another site's broker; undefined where that has not found what was asked for. */
async function ask<T>(nc: NatsConnection, own: string, site: string, call: string, body = ''): Promise<T | undefined> {
  const reply = createInbox(siteInbox(own));
  const answers = nc.subscribe(reply, { max: 1, timeout: answersWithinMs });
  nc.publish(`$JS.${site}.API.${call}`, body, { reply });
  try {
    for await (const message of answers) {
      // Nobody listens: the broker itself says so.
      if (message.data.length === 0) break;
      const answer = message.json<T & { error?: ConstructorParameters<typeof JetStreamApiError>[0] }>();
      if (!answer.error) return answer;
      if ([streamNotFound, messageNotFound].includes(answer.error.err_code)) return undefined;
      throw new JetStreamApiError(answer.error);
    }
  } catch (error) {
    if (error instanceof JetStreamApiError) throw error;
    // The time is up.
  }
  throw new SiteAway(site);
}
