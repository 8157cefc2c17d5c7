/**
 * `npm run dev`: runs the sources and restarts on each change. `node --watch` ignores styles and SQL, and misses
 * further changes of a file that git or an editor has replaced.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, statSync, watch } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readArguments, runProgram } from '../shared/process/command-line.ts';
import { stopSignal } from '../shared/process/signals.ts';

const usage = `Usage: npm run dev

Like npm start, but runs the sources and restarts when one of them changes. Ctrl-C stops everything.`;

const folders = ['deploy', 'seed', 'services', 'shared', 'streams'];
/** Matches sources, but not editors' temporary files, which begin with a dot or have another extension. */
const source = /^\w.*\.(tsx?|css|sql|csv)$/;
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
const command = ['--disable-warning=ExperimentalWarning', '--import', './deploy/jsx.ts', 'deploy/start.ts'];
/** Pause before a restart, since a save causes several events and a checkout changes several files. */
const settleMs = 100;

/**
 * Resolves with the path of a source that changed, or of a folder that was created or removed; the next start watches
 * its contents. Folders are watched instead of files, because a replaced file is a new inode.
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
      if (!watching.signal.aborted) console.log('Marquee has exited. It restarts on the next change.');
    });
    const file = await changed;
    watching.abort();
    if (file) console.log(`\n${file} changed: restarting`);
    running.kill();
    await ended;
    await pause(settleMs);
  }
});
