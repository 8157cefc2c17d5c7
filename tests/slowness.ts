/** Slows down a broker, as a bad disk or an overloaded host does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Delay added to each sync to disk, in milliseconds. */
const syncMs = 300;
const cycleMs = 200;
const awakeMs = 20;

/**
 * Slows down each fsync of a process until disposed. Returns undefined if strace is missing or may not attach to the
 * process.
 */
export async function slowDisk(pid: number): Promise<AsyncDisposable | undefined> {
  const calls = 'fsync,fdatasync';
  const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:delay_exit=${syncMs * 1000}`];
  const tracer = spawn('strace', ['-f', ...inject, '-o', '/dev/null', '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => {
    tracer.once('error', () => resolve());
    tracer.once('exit', () => resolve());
  });
  const attached = once(tracer.stderr, 'data').then(([said]) => String(said).includes(' attached'));
  const works = await Promise.race([attached, ended.then(() => false)]);
  const stop = async (): Promise<void> => {
    tracer.kill('SIGTERM');
    await ended;
  };
  if (works) return { [Symbol.asyncDispose]: stop };
  await stop();
  return undefined;
}

/** Lets a process run for only a tenth of the time until disposed. */
export function starved(pid: number): Promise<AsyncDisposable> {
  let waking: NodeJS.Timeout | undefined;
  const pause = (): void => {
    process.kill(pid, 'SIGSTOP');
    waking = setTimeout(() => process.kill(pid, 'SIGCONT'), cycleMs - awakeMs);
  };
  const interval = setInterval(pause, cycleMs);
  return Promise.resolve({
    async [Symbol.asyncDispose]() {
      clearInterval(interval);
      clearTimeout(waking);
      process.kill(pid, 'SIGCONT');
    },
  });
}
