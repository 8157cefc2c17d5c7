/**
 * `npm run dev`: runs the sources, and starts again at each change. `node --watch` looks neither at styles nor at SQL, and
 * after git or an editor has replaced a file it notices no further change of it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, statSync, watch } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readArguments, runProgram } from '../shared/process/command-line.ts';
import { stopSignal } from '../shared/process/signals.ts';

const usage = `Usage: npm run dev

Does what npm start does, but from the sources, and starts again when one of them changes. Ctrl-C stops all of it.`;

const folders = ['deploy', 'seed', 'services', 'shared', 'streams'];
/** What editors keep beside it begins with a dot, or has another ending. */
const source = /^\w.*\.(tsx?|css|sql|csv)$/;
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
const command = ['--disable-warning=ExperimentalWarning', '--import', './deploy/jsx.ts', 'deploy/start.ts'];
/** A save is several events, and a checkout several files. */
const calmMs = 100;

/**
 * Resolves with the name of a source that has changed, or of a folder that came or went: what is in it is seen from the next
 * start on. Folders are watched: a file that is replaced is another one.
 */
function change(ended: AbortSignal): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const found = globSync(folders.flatMap((name) => [name, `${name}/**/`]));
  const watched = new Set(found.map((path) => relative('', path)));
  for (const folder of watched) {
    watch(folder, { signal: ended }, (_, name) => {
      if (!name || name.startsWith('.')) return;
      const path = join(folder, name);
      if (source.test(name) || isFolder(path) !== watched.has(path)) resolve(path);
    });
  }
  return promise;
}

await runProgram(async () => {
  readArguments({ usage });
  let isStopped = false;
  const stopped = stopSignal().then(() => {
    isStopped = true;
  });
  while (!isStopped) {
    const watching = new AbortController();
    const changed = Promise.race([change(watching.signal), stopped]);
    const running = spawn(process.execPath, command, { stdio: 'inherit' });
    const ended = once(running, 'exit').then(() => {
      if (!watching.signal.aborted) console.log('Marquee has ended. It starts again at the next change.');
    });
    const file = await changed;
    watching.abort();
    if (file) console.log(`\n${file} has changed: starting again`);
    running.kill();
    await ended;
    await pause(calmMs);
  }
});
