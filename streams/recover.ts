/**
 * Brings a site's own streams back from their copies at other sites, with the same sequences and times: after its disk was
 * lost, or was put back to an older state. What the site has made since then is stored once more behind them.
 *
 * A stream that is to come back is a mirror of its copy until it has all of it, and is then promoted to be the stream
 * itself. Until then nobody can write to it. Every step can be broken off: the next run goes on from there.
 */
import {
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/nats-core';
import { archiveKind } from '../shared/broker/archive.ts';
import { plainHeaders, toHeaders } from '../shared/broker/event-codec.ts';
import { acceptedKey, restoredKey } from '../shared/broker/stream-identity.ts';
import type { Config } from '../shared/process/config.ts';
import { hub, streamFrom } from '../shared/process/sites.ts';
import { announceSites, copyAnew, copyAnewKey, linkedSites, SiteAway, streamAt } from './site-links.ts';
import { deliveryTo, streamsAt, wholeStream } from './sites.ts';
import type { StreamDefinition } from './stream.ts';

type SiteConfig = Pick<Config, 'site' | 'sites' | 'streamReplicas'>;

export interface Recovered {
  kind: string;
  /** The site whose copy it was, and its last sequence. */
  from: string;
  copied: number;
  /** What this site had made since, which was stored once more. */
  storedAgain: number;
}

/** A copy of this site's own stream at another. */
interface Copy {
  site: string;
  info: StreamInfo;
}

/** Subjects of a stream that takes no writes: nobody publishes there. */
export const closedSubjects = (kind: string): string[] => [`recovering.${kind}`];
const retiredName = (kind: string): string => `RETIRED_${kind}`;

/**
 * Brings back what other sites have of this site's streams beyond what it has itself.
 * @returns what was brought back, and the sites that did not answer
 * @throws SiteAway at an edge whose hub does not answer
 */
export async function recover(
  nc: NatsConnection,
  config: SiteConfig,
  say: (line: string) => void = () => {},
): Promise<{ recovered: Recovered[]; away: string[] }> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const own = streamsAt(config).filter(({ name, mirror }) => !mirror && name !== 'DEADLETTERS');
  // The archive first: whoever reads a stream that is back, and begins in the middle, must find there what was before.
  own.sort((a, b) => Number(b.name === archiveKind) - Number(a.name === archiveKind));
  const linked = await linkedSites(nc, config);
  const away = new Set<string>();
  const recovered: Recovered[] = [];
  for (const definition of own) {
    const copy = await longestCopy(nc, config, definition.name, linked, away);
    const done = copy && (await new Recovery(nc, jsm, config, definition, copy, say).run());
    if (done) recovered.push(done);
  }
  // A catalogue that comes back does not say which sites there are.
  if (recovered.some(({ kind }) => kind === 'CATALOGUE')) await announceSites(nc, config);
  return { recovered, away: [...away] };
}

/**
 * Copies those streams of other sites anew that their homes had to bring back: what was copied before may be something else.
 * Also those that are empty and stand still: the broker takes up to a minute to look again for a stream that was not there yet.
 * @returns their names
 */
export async function refreshCopies(
  nc: NatsConnection,
  config: SiteConfig,
  say: (line: string) => void = () => {},
): Promise<string[]> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const refreshed: string[] = [];
  const away = new Set<string>();
  for (const definition of streamsAt(config)) {
    const { name, mirror } = definition;
    const from = mirror?.external?.api.split('.')[1];
    if (!from || away.has(from)) continue;
    // The copy first: what is stored meanwhile must not make it look as if it had more than its home.
    const copy = await streamAt(nc, config, config.site, name);
    const source = await streamAt(nc, config, from, mirror.name).catch(() => void away.add(from));
    // Nobody else may have what it has more: it stays until its home has brought that back.
    if (!source || (copy && copy.state.last_seq > source.state.last_seq)) continue;
    const since = copyAnew(source);
    const isOther = since !== undefined && copy !== undefined && since !== copyAnew(copy);
    if (copy && !isOther && (copy.state.last_seq > 0 || !standsStill(copy))) continue;
    // One that is not there was deleted here, and then the broker ended.
    if (copy) await jsm.streams.delete(name);
    const metadata = since === undefined ? {} : { metadata: { [copyAnewKey]: since, [restoredKey]: since } };
    await jsm.streams.add({ ...wholeStream(definition, config), ...metadata });
    refreshed.push(name);
    if (isOther) say(`${name} is copied anew: its home had to bring it back.`);
  }
  return refreshed;
}

/** Whether a copy hears nothing from where it comes from, and has had the time to. */
function standsStill({ mirror, created, ts = created }: StreamInfo): boolean {
  const silent = mirror === undefined || mirror.active < 0 || mirror.active > nanos(silentMs);
  return silent && Date.parse(ts) - Date.parse(created) > silentMs;
}

/** A mirror hears something each second. */
const silentMs = 3000;

/** The copy with the most, of those that can be asked about. @throws SiteAway as `recover` */
async function longestCopy(
  nc: NatsConnection,
  config: SiteConfig,
  kind: string,
  linked: string[],
  away: Set<string>,
): Promise<Copy | undefined> {
  const { site } = config;
  const others = linked.filter((name) => !away.has(name));
  const asked = others.map(async (other): Promise<Copy | undefined> => {
    try {
      const info = await streamAt(nc, config, other, streamFrom(kind, site, { site: other }));
      if (info || other !== hub) return info && { site: other, info };
      throw new Error(`${hub} knows no site ${site}: there, npm run site -- add ${site}`);
    } catch (error) {
      if (!(error instanceof SiteAway) || site !== hub) throw error;
      away.add(other);
      return undefined;
    }
  });
  const copies = (await Promise.all(asked)).filter((copy) => copy !== undefined);
  return copies.sort((a, b) => b.info.state.last_seq - a.info.state.last_seq)[0];
}

/** The way of one stream. */
class Recovery {
  readonly #nc: NatsConnection;
  readonly #jsm: JetStreamManager;
  readonly #js: JetStreamClient;
  readonly #config: SiteConfig;
  readonly #definition: StreamDefinition;
  readonly #copy: Copy;
  readonly #say: (line: string) => void;

  constructor(
    nc: NatsConnection,
    jsm: JetStreamManager,
    config: SiteConfig,
    definition: StreamDefinition,
    copy: Copy,
    say: (line: string) => void,
  ) {
    this.#nc = nc;
    this.#jsm = jsm;
    this.#js = jetstream(nc);
    this.#config = config;
    this.#definition = definition;
    this.#copy = copy;
    this.#say = say;
  }

  async run(): Promise<Recovered | undefined> {
    const { name: kind } = this.#definition;
    const { site, info } = this.#copy;
    const had = await this.#info(kind);
    const retired = await this.#info(retiredName(kind));
    if (!retired && !(await this.#isMissing(had))) return undefined;
    this.#say(`${kind}: the copy at ${site} has ${info.state.last_seq} events, this site ${had?.state.last_seq ?? 0}`);
    if (had && !had.config.mirror && (!retired || isClosed(had))) await this.#retire(had);
    if (!(await this.#info(kind))) await this.#jsm.streams.add(this.#mirror());
    await this.#reach(kind, info.state.last_seq);
    const onlyRetired = await this.#onlyRetired();
    // Where others may have copied something else than what is there now, they have to copy it anew.
    const now = new Date().toISOString();
    const metadata = { [acceptedKey]: now, ...(onlyRetired.length > 0 ? { [copyAnewKey]: now } : {}) };
    // Without its mirror it is a stream of its own.
    const promoted = { ...wholeStream(this.#definition, this.#config), metadata, mirror: undefined };
    await this.#jsm.streams.update(kind, promoted as unknown as Partial<StreamConfig>);
    await this.#storeAgain(onlyRetired);
    const since = `${onlyRetired.length} that were made since are stored behind them`;
    this.#say(`${kind}: ${info.state.last_seq} events are back, ${since}.`);
    return { kind, from: site, copied: info.state.last_seq, storedAgain: onlyRetired.length };
  }

  /** Whether the copy has what this site has not. */
  async #isMissing(own: StreamInfo | undefined): Promise<boolean> {
    const { last_seq: end, last_ts: at } = this.#copy.info.state;
    if (end === 0) return false;
    if (!own || own.config.mirror || own.state.last_seq < end) return true;
    const same = await this.#jsm.streams.getMessage(this.#definition.name, { seq: end });
    // One that was replaced by later ones of its subject says nothing.
    return same !== null && same.timestamp !== at;
  }

  /** Takes no more writes from now on; keeps all that there is; and makes place. */
  async #retire({ config, state }: StreamInfo): Promise<void> {
    const { name } = config;
    await this.#jsm.streams.update(name, { ...config, subjects: closedSubjects(name) });
    const { last_seq: end } = (await this.#info(name))?.state ?? state;
    if (end > 0) {
      const retired = { ...this.#mirror(), name: retiredName(name), mirror: { name } };
      if (!(await this.#info(retired.name))) await this.#jsm.streams.add(retired);
      await this.#reach(retired.name, end);
    }
    await this.#jsm.streams.delete(name);
  }

  /** Sequences of what is only in the retired stream, and not in the copy. */
  async #onlyRetired(): Promise<number[]> {
    const { name: kind } = this.#definition;
    if (!(await this.#info(retiredName(kind)))) return [];
    const copied = identities(this.#js, kind);
    let other = (await copied.next()).value;
    const only: number[] = [];
    for await (const one of identities(this.#js, retiredName(kind))) {
      while (other && other.sequence < one.sequence) other = (await copied.next()).value;
      const replaced = other !== undefined && other.sequence > one.sequence && only.length === 0;
      // As long as both are the same, what the copy does not have was replaced by later messages of its subject.
      if (!replaced && (other?.sequence !== one.sequence || other.time !== one.time)) only.push(one.sequence);
    }
    await copied.return(undefined);
    return only;
  }

  /** Stores messages of the retired stream once more, in their order, and deletes it. */
  async #storeAgain(sequences: number[]): Promise<void> {
    const retired = retiredName(this.#definition.name);
    for (const seq of sequences) {
      const message = await this.#jsm.streams.getMessage(retired, { seq });
      if (!message) continue;
      // What the broker was told about the first time does not hold now.
      const kept = Object.entries(plainHeaders(message.header)).filter(
        ([name]) => !/^Nats-(Expected|Batch|Msg)-/.test(name),
      );
      const again = { 'Nats-Msg-Id': `again.${seq}.${message.timestamp}` };
      const headers = toHeaders({ ...Object.fromEntries(kept), ...again });
      await this.#js.publish(message.subject, message.data, { headers });
    }
    if (await this.#info(retired)) await this.#jsm.streams.delete(retired);
  }

  /** The stream as long as it is a mirror of the copy. */
  #mirror(): StreamConfig & { name: string } {
    const { site, info } = this.#copy;
    const external = { api: `$JS.${site}.API`, deliver: deliveryTo(this.#config.site, site) };
    const { subjects: _, allow_msg_schedules: __, ...rest } = wholeStream(this.#definition, this.#config);
    return { ...rest, allow_atomic: false, mirror: { name: info.config.name, external } } as StreamConfig & {
      name: string;
    };
  }

  /** Waits until a mirror has all up to a sequence, as long as it gets on. @throws Error when it stands still */
  async #reach(name: string, sequence: number): Promise<void> {
    let [last, since] = [-1, performance.now()];
    for (;;) {
      const state = (await this.#info(name))?.state;
      if ((state?.last_seq ?? 0) >= sequence) return;
      if (state?.last_seq !== last) [last, since] = [state?.last_seq ?? -1, performance.now()];
      if (performance.now() - since > standsStillMs) {
        throw new Error(`${name} stands still at ${last} of ${sequence}: is the link up? Run it again to go on`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  #info(name: string): Promise<StreamInfo | undefined> {
    return streamAt(this.#nc, this.#config, this.#config.site, name);
  }
}

/** What tells the messages of a stream from others, without what they say. */
async function* identities(
  js: JetStreamClient,
  stream: string,
): AsyncGenerator<{ sequence: number; time: number }, undefined> {
  const consumer = await js.consumers.get(stream, { headers_only: true });
  if ((await consumer.info()).num_pending === 0) return;
  const messages = await consumer.consume({ max_messages: 2000 });
  try {
    for await (const { info } of messages) {
      yield { sequence: info.streamSequence, time: info.timestampNanos };
      if (info.pending === 0) return;
    }
  } finally {
    messages.stop();
  }
}

/** The broker tries a mirror that failed again after some 10 seconds. */
const standsStillMs = 40_000;

function isClosed({ config }: StreamInfo): boolean {
  return String(config.subjects) === String(closedSubjects(config.name));
}
