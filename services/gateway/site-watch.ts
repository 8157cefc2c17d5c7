/** State of the links between sites: for /readyz, as metrics, and as problems that an operator has to solve. */
import { Gauge, type Registry } from 'prom-client';
import type { Connection } from '../../shared/broker/connection.ts';
import type { Readiness } from '../../shared/docs/system-paths.ts';
import { addMetric } from '../../shared/observe/metrics.ts';
import { type SiteCopy, type SiteStates, siteProblems, siteStates } from '../../streams/site-links.ts';

/** How long fetched states are reused. */
const reuseMs = 1000;
const none: SiteStates = { answers: {}, clocks: {}, copies: [] };

export class SiteWatch {
  readonly #connection: Connection;
  #states: Promise<SiteStates> = Promise.resolve(none);
  #fetchedAt = Number.NEGATIVE_INFINITY;

  constructor(connection: Connection, registry: Registry) {
    this.#connection = connection;
    addSiteMetrics(registry, () => this.states());
  }

  /** Returns the states of all sites. They are empty in a system of one site, and while the broker is disconnected. */
  states(): Promise<SiteStates> {
    const { connected, sites } = this.#connection;
    if (!connected || sites.sites.length === 1) return Promise.resolve(none);
    if (performance.now() - this.#fetchedAt > reuseMs) {
      this.#fetchedAt = performance.now();
      this.#states = siteStates(this.#connection.link.nc, sites).catch(() => none);
    }
    return this.#states;
  }

  /** Returns what an operator has to do, one sentence each. */
  async problems(): Promise<string[]> {
    return siteProblems(await this.states());
  }

  /** Returns details for /readyz; empty in a system of one site. */
  async details(): Promise<Pick<Readiness, 'sites'>> {
    return this.#connection.sites.sites.length > 1 ? { sites: await this.states() } : {};
  }
}

function addSiteMetrics(registry: Registry, states: () => Promise<SiteStates>): void {
  const stream = 'messaging_destination_name';
  const answers = 'Whether another site answers over its link: 1 or 0';
  const readAnswers = async () =>
    Object.entries((await states()).answers).map(([site, value]) => ({ labels: { site }, value }));
  addMetric(registry, Gauge, 'marquee_site_answers', answers, readAnswers, 'site');
  const home = 'Last sequence of a stream at its home site';
  const readHomes = async () =>
    (await states()).copies.map((copy) => ({
      labels: { site: copy.home, [stream]: copy.kind },
      value: copy.homeSequence ?? 0,
    }));
  addMetric(registry, Gauge, 'marquee_site_home_sequence', home, readHomes, 'site', stream);
  const ofCopies = (name: string, help: string, value: (copy: SiteCopy) => number | boolean): void => {
    const read = async () =>
      (await states()).copies.map((copy) => ({
        labels: { site: copy.home, [stream]: copy.kind, at: copy.at },
        value: value(copy),
      }));
    addMetric(registry, Gauge, name, help, read, 'site', stream, 'at');
  };
  const sequence = 'Last sequence of the copy of a stream at another site';
  ofCopies('marquee_site_copy_sequence', sequence, ({ copySequence }) => copySequence ?? 0);
  ofCopies('marquee_site_lost', 'Whether a copy has events that its home has lost: 1 or 0', ({ lost }) => lost);
}
