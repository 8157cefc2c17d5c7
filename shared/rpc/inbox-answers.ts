/** Services answer inboxes only: whoever asks chooses where the answer goes. */
import type { NatsConnection } from '@nats-io/nats-core';
import type { Logger } from '../process/log.ts';

/**
 * The connection as the services framework gets it. Requests with another reply subject are dropped: a stream would store
 * the answer, as if this service had published it. So are those without any: nobody waits for the answer.
 */
export function answeringInboxes(nc: NatsConnection, log: Logger): NatsConnection {
  const subscribe: NatsConnection['subscribe'] = (subject, options = {}) => {
    const { callback } = options;
    if (!callback) return nc.subscribe(subject, options);
    return nc.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        if (error || message.reply?.startsWith('_INBOX.')) callback(error, message);
        else log.debug({ subject, reply: message.reply }, 'a request is dropped: its reply subject is no inbox');
      },
    });
  };
  return Object.create(nc, { subscribe: { value: subscribe } }) as NatsConnection;
}
