/** A view, for the parts of the view worker that keep it. */
import type { Connection } from '../broker/connection.ts';
import type { Logger } from '../process/log.ts';
import type { FromWorker, OpenView } from './messages.ts';
import type { ViewProjections } from './projection.ts';

export interface KeptView extends Pick<OpenView, 'name' | 'folder' | 'config'> {
  /** The group of replicas whose views are like it, where others' are not. */
  group: string | undefined;
  definition: ViewProjections;
  connection: Connection;
  log: Logger;
  /** Tells those who answer from the view. */
  tell(message: FromWorker): void;
}
