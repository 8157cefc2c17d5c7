/** Ways to make a broker slow, as a bad disk or a starved host does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Every sync to the disk takes so much longer. */
const syncMs = 300;
const cycleMs = 200;
const awakeMs = 20;

/**
 * Makes every fsync of a process slow until it is disposed. Undefined where strace is missing, or may not attach to
 * processes that it has not started.
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

/** Lets a process run a tenth of the time only, until it is disposed. */
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
