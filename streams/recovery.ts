/**
 * Recovers one of a site's own streams from a copy. The stream is a mirror of the copy until it has all messages, and
 * is then promoted to a stream of its own. Until then it takes no writes. Each step may be interrupted: the next run
 * continues there.
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
import { localStream, messageAt } from './site-api.ts';
import { recopyKey } from './site-links.ts';
import { completeConfig, deliveryTo } from './sites.ts';
import type { StreamDefinition } from './stream.ts';
import { updateStream } from './update-stream.ts';

export type SiteConfig = Pick<Config, 'site' | 'sites' | 'streamReplicas'>;

/** A copy of one of this site's streams at another site. */
export interface Copy {
  site: string;
  info: StreamInfo;
}

export interface Recovered {
  kind: string;
  /** The site that had the copy. */
  from: string;
  /** Last sequence of the copy. */
  copied: number;
  /** Number of this site's own later messages, which were stored again. */
  storedAgain: number;
}

/** Subjects of a stream that must take no writes: nobody publishes to them. */
export const closedSubjects = (kind: string): string[] => [`recovering.${kind}`];
const retiredName = (kind: string): string => `RETIRED_${kind}`;

interface RecoveryOptions {
  nc: NatsConnection;
  jsm: JetStreamManager;
  config: SiteConfig;
  /** The stream to recover. */
  definition: StreamDefinition;
  /** Prints a line for the operator. */
  print(line: string): void;
}

/** The recovery of one stream from one copy. */
export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #copy: Copy;

  constructor(options: RecoveryOptions, copy: Copy) {
    this.#options = options;
    this.#copy = copy;
  }

  /** Returns the last sequence whose message this site lacks, or has another one for; 0 when it has all of the copy. */
  async missingUpTo(): Promise<number> {
    const { nc, config, definition } = this.#options;
    const { site, info: copy } = this.#copy;
    const { last_seq: end, last_ts: time } = copy.state;
    const own = await this.#info(definition.name);
    if (end === 0) return 0;
    if (!own || own.config.mirror || own.state.last_seq < end) return end;
    const atHome = (sequence: number) => messageAt(nc, config, config.site, definition.name, sequence);
    const same = await atHome(end);
    // Comparable only if the message was not replaced by a later one of its subject.
    if (same?.seq === end && same.time !== time) return end;
    const first = await firstDifference(nc, config, { home: config.site, own, at: site, copy });
    if (first === undefined) return 0;
    let [low, high] = [first, end];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const ours = await atHome(middle);
      const theirs = await messageAt(nc, config, site, copy.config.name, middle);
      if (ours?.time === theirs?.time) high = middle - 1;
      else low = middle;
    }
    return low;
  }

  /** Returns whether an earlier run was interrupted. */
  async wasInterrupted(): Promise<boolean> {
    return (await this.#info(retiredName(this.#options.definition.name))) !== undefined;
  }

  async run(): Promise<Recovered> {
    const { jsm, config, definition, print } = this.#options;
    const { name: kind } = definition;
    const { site, info } = this.#copy;
    const { last_seq: end } = info.state;
    const own = await this.#info(kind);
    const retired = await this.#info(retiredName(kind));
    print(`${kind}: the copy at ${site} has ${end} events, this site has ${own?.state.last_seq ?? 0}`);
    if (own && !own.config.mirror && (!retired || isClosed(own))) await this.#retire(own);
    if (!(await this.#info(kind))) await jsm.streams.add(this.#mirror());
    await this.#waitFor(kind, end);
    const onlyRetired = await this.#onlyRetired();
    // Other sites may have copied messages that get a new sequence now, and must recreate their copies.
    const now = new Date().toISOString();
    const metadata = { [acceptedKey]: now, ...(onlyRetired.length > 0 ? { [recopyKey]: now } : {}) };
    // Removing the mirror configuration promotes the stream.
    const promoted = { ...completeConfig(definition, config), metadata, mirror: undefined };
    await updateStream(jsm, await jsm.streams.info(kind), promoted as unknown as Partial<StreamConfig>);
    await this.#storeAgain(onlyRetired);
    print(`${kind}: recovered ${end} events, and stored ${onlyRetired.length} later ones of this site after them.`);
    return { kind, from: site, copied: end, storedAgain: onlyRetired.length };
  }

  /** Closes the stream for writes, copies its messages to a retired stream, and deletes it in favour of the mirror. */
  async #retire({ config, state }: StreamInfo): Promise<void> {
    const { jsm } = this.#options;
    const { name } = config;
    await jsm.streams.update(name, { ...config, subjects: closedSubjects(name) });
    const { last_seq: end } = (await this.#info(name))?.state ?? state;
    if (end > 0) {
      const retired = { ...this.#mirror(), name: retiredName(name), mirror: { name } };
      if (!(await this.#info(retired.name))) await jsm.streams.add(retired);
      await this.#waitFor(retired.name, end);
    }
    await jsm.streams.delete(name);
  }

  /** Returns the sequences of the retired stream from the first message on that the copy does not have. */
  async #onlyRetired(): Promise<number[]> {
    const { nc, definition } = this.#options;
    const retiredStream = retiredName(definition.name);
    if (!(await this.#info(retiredStream))) return [];
    const js = jetstream(nc);
    const copied = identities(js, definition.name);
    let copy = (await copied.next()).value;
    const only: number[] = [];
    for await (const retired of identities(js, retiredStream)) {
      while (copy && copy.sequence < retired.sequence) copy = (await copied.next()).value;
      // As long as all messages were the same, one that the copy lacks was replaced by a later one of its subject.
      const replaced = copy !== undefined && copy.sequence > retired.sequence && only.length === 0;
      const differs = !replaced && (copy?.sequence !== retired.sequence || copy.time !== retired.time);
      // All later messages are stored again, too, so that the order stays the same.
      if (differs || only.length > 0) only.push(retired.sequence);
    }
    await copied.return(undefined);
    return only;
  }

  /** Stores messages of the retired stream again, in their order, and deletes the retired stream. */
  async #storeAgain(sequences: number[]): Promise<void> {
    const { nc, jsm, definition } = this.#options;
    const js = jetstream(nc);
    const retired = retiredName(definition.name);
    for (const seq of sequences) {
      const message = await jsm.streams.getMessage(retired, { seq });
      if (!message) continue;
      // Expectations, batches and message ids were about the first time.
      const kept = Object.entries(plainHeaders(message.header)).filter(
        ([name]) => !/^Nats-(Expected|Batch|Msg)-/.test(name),
      );
      const again = { 'Nats-Msg-Id': `again.${seq}.${message.timestamp}` };
      const headers = toHeaders({ ...Object.fromEntries(kept), ...again });
      await js.publish(message.subject, message.data, { headers });
    }
    if (await this.#info(retired)) await jsm.streams.delete(retired);
  }

  /** Returns the configuration of the stream while it is a mirror of the copy. */
  #mirror(): StreamConfig & { name: string } {
    const { config, definition } = this.#options;
    const { site, info } = this.#copy;
    const external = { api: `$JS.${site}.API`, deliver: deliveryTo(config.site, site) };
    const { subjects: _, allow_msg_schedules: __, ...rest } = completeConfig(definition, config);
    return { ...rest, allow_atomic: false, mirror: { name: info.config.name, external } } as StreamConfig & {
      name: string;
    };
  }

  /** Waits until a mirror has all messages up to a sequence. @throws Error when it makes no progress */
  async #waitFor(name: string, sequence: number): Promise<void> {
    let [last, since] = [-1, performance.now()];
    for (;;) {
      const state = (await this.#info(name))?.state;
      if ((state?.last_seq ?? 0) >= sequence) return;
      if (state?.last_seq !== last) [last, since] = [state?.last_seq ?? -1, performance.now()];
      if (performance.now() - since > stalledMs) {
        throw new Error(`${name} is stuck at ${last} of ${sequence}. Check the link, then run this again to continue`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  #info(name: string): Promise<StreamInfo | undefined> {
    return localStream(this.#options.nc, name);
  }
}

/** Yields sequence and time of all messages of a stream, without their bodies. */
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

/** Well above the 10 seconds or so after which the broker retries a failed mirror. */
const stalledMs = 40_000;

function isClosed({ config }: StreamInfo): boolean {
  return String(config.subjects) === String(closedSubjects(config.name));
}
