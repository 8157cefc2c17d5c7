/**
 * What the broker of an edge may say to the hub and hear from it: copies go both ways, and nothing else. A copy comes by a
 * consumer that the copying side makes at the other; its messages go to subjects that begin with `to.` and their
 * destination. Everything not named here stays at its site: requests to services, events, other APIs of JetStream.
 */
import { hub, streamsOfKind } from '../../shared/process/sites.ts';
import { siteInbox } from '../../streams/site-api.ts';
import { copiedKinds, deliveryTo } from '../../streams/sites.ts';
import { twinSubject } from '../../streams/twins.ts';
import type { User } from '../nats/permissions.ts';

/**
 * The rights of an edge's leaf connection, as the hub's broker sees them: `publish` is what comes from the edge.
 * @param sites names of all sites
 */
export function leafUser(edge: string, sites: readonly string[]): User {
  const atHub = streamsAt(hub, sites);
  // Its own, and its copies of the hub's: a hub that was restored gets from them what its backup does not have.
  const atEdge = streamsAt(edge, sites).filter(({ home }) => home === edge || home === hub);
  const both = ['$JS.FC.>', '$JSC.R.>'];
  return {
    publish: {
      allow: [...copying(hub, atHub), `${deliveryTo(hub, edge)}.>`, `${siteInbox(hub)}.>`, ...both],
    },
    subscribe: {
      allow: [
        ...copying(edge, atEdge),
        `${deliveryTo(edge, hub)}.>`,
        `${siteInbox(edge)}.>`,
        twinSubject(edge),
        ...both,
      ],
    },
    responds: false,
  };
}

function streamsAt(site: string, sites: readonly string[]): { stream: string; home: string }[] {
  return copiedKinds.flatMap((kind) => streamsOfKind(kind, { site, sites }));
}

/** To look how far a stream at a site is, whether it is what a copy is of, and to copy it. */
function copying(site: string, streams: { stream: string }[]): string[] {
  const verbs = ['STREAM.INFO.$', 'STREAM.MSG.GET.$', 'CONSUMER.CREATE.$', 'CONSUMER.CREATE.$.>'];
  return streams.flatMap(({ stream }) => verbs.map((verb) => `$JS.${site}.API.${verb.replace('$', () => stream)}`));
}
