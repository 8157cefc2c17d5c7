/**
 * Permissions of the link between an edge and the hub: copies of streams pass in both directions, and nothing else. The
 * copying side creates a consumer at the other; its messages are delivered to subjects that begin with `to.` and their
 * destination. Everything else stays at its site: requests to services, events, other JetStream APIs.
 */
import { hub, streamsOfKind } from '../../shared/process/sites.ts';
import { siteInbox } from '../../streams/site-api.ts';
import { copiedKinds, deliveryTo } from '../../streams/sites.ts';
import { twinSubject } from '../../streams/twins.ts';
import type { User } from '../nats/permissions.ts';

/**
 * Returns the permissions of an edge's leaf connection at the hub, where `publish` is what comes from the edge.
 * @param sites names of all sites
 */
export function leafUser(edge: string, sites: readonly string[]): User {
  const atHub = streamsAt(hub, sites);
  // Its own streams, and its copies of the hub's, from which a restored hub recovers events later than its backup.
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

/** Returns the subjects needed to read the state and identity of streams at a site, and to copy them. */
function copying(site: string, streams: { stream: string }[]): string[] {
  const verbs = ['STREAM.INFO.$', 'STREAM.MSG.GET.$', 'CONSUMER.CREATE.$', 'CONSUMER.CREATE.$.>'];
  return streams.flatMap(({ stream }) => verbs.map((verb) => `$JS.${site}.API.${verb.replace('$', () => stream)}`));
}
