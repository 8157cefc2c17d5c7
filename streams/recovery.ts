/**
 * Brings one of a site's own streams back from a copy of it. It is a mirror of the copy until it has all of it, and is then
 * promoted to be the stream itself. Until then nobody can write to it. Every step can be broken off: the next run goes on there.
 */
import {
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { plainHeaders, toHeaders } from '../shared/broker/event-codec.ts';
import { acceptedKey } from '../shared/broker/stream-identity.ts';
import type { Config } from '../shared/process/config.ts';
import { firstDifference } from './openings.ts';
import { type MessageMark, messageAt, streamAt } from './site-api.ts';
import { copyAnewKey } from './site-links.ts';
import { deliveryTo, wholeStream } from './sites.ts';
import type { StreamDefinition } from './stream.ts';
import { updateStream } from './update-stream.ts';

export type SiteConfig = Pick<Config, 'site' | 'sites' | 'streamReplicas'>;

/** A copy of this site's own stream at another. */
export interface Copy {
  site: string;
  info: StreamInfo;
}

export interface Recovered {
  kind: string;
  /** The site whose copy it was, and its last sequence. */
  from: string;
  copied: number;
  /** What this site had made since, which was stored once more. */
  storedAgain: number;
}

/** Subjects of a stream that takes no writes: nobody publishes there. */
export const closedSubjects = (kind: string): string[] => [`recovering.${kind}`];
const retiredName = (kind: string): string => `RETIRED_${kind}`;

/** The way of one stream back from one copy. */
export class Recovery {
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

  /** The last sequence at which this site has not what the copy has; 0 where it has all. */
  async missingUpTo(): Promise<number> {
    const { site, info: copy } = this.#copy;
    const { last_seq: end, last_ts: time } = copy.state;
    const own = await this.#info(this.#definition.name);
    if (end === 0) return 0;
    if (!own || own.config.mirror || own.state.last_seq < end) return end;
    const same = await this.#messageAt(this.#config.site, own, end);
    // One that was replaced by later ones of its subject says nothing.
    if (same?.seq === end && same.time !== time) return end;
    const first = await firstDifference(this.#nc, this.#config, { home: this.#config.site, own, at: site, copy });
    if (first === undefined) return 0;
    let [low, high] = [first, end];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const ours = await this.#messageAt(this.#config.site, own, middle);
      const theirs = await this.#messageAt(site, copy, middle);
      if (ours?.time === theirs?.time) high = middle - 1;
      else low = middle;
    }
    return low;
  }

  /** Whether a run was broken off. */
  async begun(): Promise<boolean> {
    return (await this.#info(retiredName(this.#definition.name))) !== undefined;
  }

  async run(): Promise<Recovered> {
    const { name: kind } = this.#definition;
    const { site, info } = this.#copy;
    const had = await this.#info(kind);
    const retired = await this.#info(retiredName(kind));
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
    await updateStream(this.#jsm, await this.#jsm.streams.info(kind), promoted as unknown as Partial<StreamConfig>);
    await this.#storeAgain(onlyRetired);
    const since = `${onlyRetired.length} that were made since are stored behind them`;
    this.#say(`${kind}: ${info.state.last_seq} events are back, ${since}.`);
    return { kind, from: site, copied: info.state.last_seq, storedAgain: onlyRetired.length };
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

  /** Sequences of the retired stream from the first on that is not in the copy. */
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
      const differs = !replaced && (other?.sequence !== one.sequence || other.time !== one.time);
      // What was made behind one that is stored again must stay behind it.
      if (differs || only.length > 0) only.push(one.sequence);
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

  #messageAt(site: string, { config }: StreamInfo, sequence: number): Promise<MessageMark | undefined> {
    return messageAt(this.#nc, this.#config, site, config.name, sequence);
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
