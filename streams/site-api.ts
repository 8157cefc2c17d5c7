/** Queries the JetStream API of any site: of other sites over their links, of this site directly. */
import { JetStreamApiError, jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import { createInbox, type NatsConnection, TimeoutError } from '@nats-io/nats-core';
import { findStream, streamNotFound } from '../shared/broker/lost-stream.ts';
import type { Sites } from '../shared/process/sites.ts';

/** Prefix of the inboxes for API answers from other sites: the only inboxes whose messages may cross a link. */
export const siteInbox = (site: string): string => `_INBOX.site.${site}`;

const answersWithinMs = 2000;

/** A site does not answer, because it is down or its link is cut. */
export class SiteAway extends Error {
  override readonly name = 'SiteAway';
  readonly site: string;

  constructor(site: string) {
    super(`${site} does not answer`);
    this.site = site;
  }
}

/**
 * Returns the state of a stream at any site; undefined when the site has no such stream.
 * @throws SiteAway when another site does not answer; JetStreamApiError
 */
export async function streamAt(
  nc: NatsConnection,
  { site: own }: Pick<Sites, 'site'>,
  site: string,
  stream: string,
): Promise<StreamInfo | undefined> {
  return site === own ? localStream(nc, stream) : call<StreamInfo>(nc, own, site, `STREAM.INFO.${stream}`);
}

/** Returns the state of a stream at this site; undefined when there is no such stream. @throws Error on a timeout */
export async function localStream(nc: NatsConnection, stream: string): Promise<StreamInfo | undefined> {
  try {
    return await findStream(await jetstreamManager(nc, { checkAPI: false }), stream);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    throw new Error(
      `the broker did not answer about ${stream}. In a cluster of three, two brokers must be up; try again in some seconds`,
      { cause: error },
    );
  }
}

/** Identifies a message: no two messages of a stream have the same time, which is in nanoseconds. */
export interface MessageMark {
  seq: number;
  time: string;
}

/**
 * Returns the first message of a stream at a site from a sequence on; undefined when there is none.
 * @throws SiteAway, also when the broker of another site does not allow the request; JetStreamApiError
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
    const api = `STREAM.MSG.GET.${stream}`;
    return (await call<{ message: MessageMark }>(nc, own, site, api, JSON.stringify(query)))?.message;
  }
  const found = await (await jetstreamManager(nc, { checkAPI: false })).streams.getMessage(stream, query);
  return found ? { seq: found.seq, time: found.timestamp } : undefined;
}

const messageNotFound = 10037;

/** Calls the API of another site's broker. Returns undefined when the stream or message was not found. */
async function call<T>(nc: NatsConnection, own: string, site: string, api: string, body = ''): Promise<T | undefined> {
  const reply = createInbox(siteInbox(own));
  const answers = nc.subscribe(reply, { max: 1, timeout: answersWithinMs });
  nc.publish(`$JS.${site}.API.${api}`, body, { reply });
  try {
    for await (const message of answers) {
      // An empty message is the broker's "no responders".
      if (message.data.length === 0) break;
      const answer = message.json<T & { error?: ConstructorParameters<typeof JetStreamApiError>[0] }>();
      if (!answer.error) return answer;
      if ([streamNotFound, messageNotFound].includes(answer.error.err_code)) return undefined;
      throw new JetStreamApiError(answer.error);
    }
  } catch (error) {
    if (error instanceof JetStreamApiError) throw error;
    // Otherwise the timeout has passed.
  }
  throw new SiteAway(site);
}
