/**
 * The thread that keeps the views of a process: streams are read, and rows are written, without holding up requests. Each
 * view has a connection to the broker and one to its file of its own here; queries read the file from the main thread.
 */
import { parentPort } from 'node:worker_threads';
import { Connection } from '../broker/connection.ts';
import { startTelemetry } from '../observe/telemetry.ts';
import { createLogger } from '../process/log.ts';
import type { ViewProjections } from './projection.ts';
import { ViewManager } from './view-manager.ts';
import { type Addressed, describe, type FromWorker, type OpenView, type ToWorker } from './view-thread.ts';

interface OpenedView {
  manager: ViewManager;
  close(): Promise<void>;
}

/** By the id of the view. Settled when opening its file has been tried; undefined where there is nothing to keep. */
const views = new Map<number, Promise<OpenedView | undefined>>();

const port = parentPort;
if (!port) throw new Error('this is no worker thread');

port.on('message', (message: Addressed<ToWorker>) => {
  const { id, kind } = message;
  const tell = (said: FromWorker): void => port.postMessage({ ...said, id } satisfies Addressed<FromWorker>);
  if (kind === 'open') views.set(id, open(message.view, tell));
  else if (kind === 'rebuild') void views.get(id)?.then((view) => view?.manager.rebuild(message.file, message.reason));
  else if (kind === 'flush') void views.get(id)?.then((view) => view?.manager.flush(message.request));
  else void close(id).then(() => tell({ kind: 'closed' }));
});

async function open(view: OpenView, tell: (message: FromWorker) => void): Promise<OpenedView | undefined> {
  try {
    const { name, folder, config, instance } = view;
    const { projections: definition } = (await import(view.module)) as { projections: ViewProjections };
    const log = createLogger(name, config.logLevel, config.logFile).child({ thread: 'views' });
    await using stack = new AsyncDisposableStack();
    const telemetry = stack.use(await startTelemetry(name, config, log, instance));
    // What becomes of the broker the service's own connection says already.
    const quiet = log.child({}, { level: log.isLevelEnabled('error') ? 'error' : log.level });
    const connection = stack.use(new Connection(config, name, quiet, telemetry));
    const manager = stack.use(new ViewManager({ name, folder, definition, config, connection, log, tell }));
    const opened = stack.move();
    // A view that does not close well must not take the others with it.
    const failed = (error: unknown): void => log.error({ err: error }, 'closing the view failed');
    return { manager, close: () => opened.disposeAsync().catch(failed) };
  } catch (error) {
    tell({ kind: 'failed', ...describe(error) });
    return undefined;
  }
}

async function close(id: number): Promise<void> {
  const view = await views.get(id);
  views.delete(id);
  await view?.close();
}
