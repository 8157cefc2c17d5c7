/**
 * The worker thread that reads streams into the views of a process, so that the main thread is free for requests. Each
 * view has its own connections to the broker and to its file here; queries read the file from the main thread.
 */
import { parentPort } from 'node:worker_threads';
import { Connection } from '../broker/connection.ts';
import { startTelemetry } from '../observe/telemetry.ts';
import { createLogger } from '../process/log.ts';
import type { ViewProjections } from './projection.ts';
import { type Addressed, errorInfo, type FromWorker, type OpenView, type ToWorker } from './view-client.ts';
import { ViewManager } from './view-manager.ts';

interface OpenedView {
  manager: ViewManager;
  close(): Promise<void>;
}

/** Views by id. Each resolves after the first attempt to open the file; to undefined if the code is defective. */
const views = new Map<number, Promise<OpenedView | undefined>>();

const port = parentPort;
if (!port) throw new Error('this module must run in a worker thread');

port.on('message', (message: Addressed<ToWorker>) => {
  const { id, kind } = message;
  const post = (reply: FromWorker): void => port.postMessage({ ...reply, id } satisfies Addressed<FromWorker>);
  if (kind === 'open') views.set(id, open(message.view, post));
  else if (kind === 'rebuild') void views.get(id)?.then((view) => view?.manager.rebuild(message.file, message.reason));
  else if (kind === 'flush') void views.get(id)?.then((view) => view?.manager.flush(message.request));
  else void close(id).then(() => post({ kind: 'closed' }));
});

async function open(view: OpenView, post: (message: FromWorker) => void): Promise<OpenedView | undefined> {
  try {
    const { name, folder, config, instance } = view;
    const { projections: definition } = (await import(view.module)) as { projections: ViewProjections };
    const log = createLogger(name, config.logLevel, config.logFile).child({ thread: 'views' });
    await using stack = new AsyncDisposableStack();
    const telemetry = stack.use(await startTelemetry(name, config, log, instance));
    // The service's own connection already logs the state of the broker.
    const quiet = log.child({}, { level: log.isLevelEnabled('error') ? 'error' : log.level });
    const connection = stack.use(new Connection(config, name, quiet, telemetry));
    const manager = stack.use(new ViewManager({ name, folder, definition, config, connection, log, post }));
    const opened = stack.move();
    // A failure to close one view must not end the thread, which serves the others.
    const failed = (error: unknown): void => log.error({ err: error }, 'closing the view failed');
    return { manager, close: () => opened.disposeAsync().catch(failed) };
  } catch (error) {
    post({ kind: 'failed', ...errorInfo(error) });
    return undefined;
  }
}

async function close(id: number): Promise<void> {
  const view = await views.get(id);
  views.delete(id);
  await view?.close();
}
