/**
 * The thread that keeps the views of a process: streams are read, and rows are written, without holding up requests. Each
 * view has a connection to the broker and one to its file of its own here; queries read the file from the other thread.
 */
import { parentPort } from 'node:worker_threads';
import { Connection } from '../broker/connection.ts';
import { startTelemetry } from '../observe/telemetry.ts';
import { messageOf } from '../operations/errors.ts';
import { createLogger, type Logger } from '../process/log.ts';
import type { Generation } from './generation.ts';
import type { FromThread, OpenView, Served, ToThread } from './messages.ts';
import type { ViewProjections } from './projection.ts';
import { ViewManager } from './view-manager.ts';

interface Kept {
  keeper: ViewManager;
  stack: AsyncDisposableStack;
  log: Logger;
}

/** By the id of the view. Settled when opening its file has been tried; undefined where there is nothing to keep. */
const kept = new Map<number, Promise<Kept | undefined>>();

const port = parentPort;
if (!port) throw new Error('this is no thread');
const say = (message: FromThread): void => port.postMessage(message);

port.on('message', (message: ToThread) => {
  if (message.kind === 'open') kept.set(message.view.id, open(message.view));
  else void kept.get(message.id)?.then((view) => hear(view, message));
});

async function open(view: OpenView): Promise<Kept | undefined> {
  try {
    return await keep(view);
  } catch (error) {
    say({ id: view.id, kind: 'failed', reason: messageOf(error) });
    return undefined;
  }
}

async function keep(view: OpenView): Promise<Kept> {
  const { id, name, folder, config } = view;
  const { projections } = (await import(view.module)) as { projections: ViewProjections };
  const log = createLogger(name, config.logLevel, config.logFile).child({ thread: 'views' });
  await using stack = new AsyncDisposableStack();
  const telemetry = stack.use(await startTelemetry(name, config, log, view.instance));
  const connection = stack.use(new Connection(config, name, log, telemetry));
  const { checkpointPages } = config;
  const keeper = new ViewManager(
    { name, folder, definition: projections, checkpointPages, connection, log },
    {
      serve(generation, state) {
        const served = generation ? servedOf(generation) : null;
        say({ id, kind: 'serve', served, state });
      },
      state: (state) => say({ id, kind: 'state', state }),
      moved: (moved) => say({ id, kind: 'moved', moved }),
      progress: (generation) =>
        say({ id, kind: 'progress', generation: generation.id, progress: generation.progress() }),
      deadLettered: (stream) => say({ id, kind: 'deadLettered', stream }),
      beat: (connected) => say({ id, kind: 'beat', connected }),
    },
  );
  stack.use(keeper);
  say({ id, kind: 'tried' });
  return { keeper, stack: stack.move(), log };
}

function servedOf(generation: Generation): Served {
  const { id, file, version } = generation;
  return { generation: id, file, progress: generation.progress(), version: version.counter };
}

async function hear(view: Kept | undefined, message: Exclude<ToThread, { kind: 'open' }>): Promise<void> {
  const { id, kind } = message;
  if (kind === 'released') view?.keeper.released(message.generation);
  else if (kind === 'refused') view?.keeper.refused(message);
  else if (kind === 'rebuild') await view?.keeper.rebuild(message.reason);
  else {
    // A view that does not close well must not take the others with it.
    await view?.stack.disposeAsync().catch((error) => view.log.error({ err: error }, 'closing the view failed'));
    kept.delete(id);
    say({ id, kind: 'closed' });
  }
}
