/** The operator's way to the broker. The gateway's own key may not look at other services, nor touch dead letters. */
import { Connection, type Link } from '../../../shared/broker/connection.ts';
import type { Config } from '../../../shared/process/config.ts';
import type { Logger } from '../../../shared/process/log.ts';

/** Gives the link when it is asked for: undefined where this gateway was not given the operator's key. */
export type OperatorLink = () => Link | undefined;

/**
 * The connection of the gateway where the broker has no users; one with the operator's key where that is configured.
 * @param stack ends a connection that is made here
 */
export function operatorLink(own: Connection, config: Config, log: Logger, stack: AsyncDisposableStack): OperatorLink {
  const { nats, operatorNkeySeed } = config;
  if (operatorNkeySeed !== undefined) {
    const asOperator = {
      ...config,
      nats: { ...nats, user: undefined, password: undefined, nkeySeed: operatorNkeySeed },
    };
    const connection = stack.use(new Connection(asOperator, 'operator', log));
    return () => connection.link;
  }
  const hasUsers = nats.nkeySeed !== undefined;
  return () => (hasUsers ? undefined : own.link);
}
