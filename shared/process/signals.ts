/** Shutdown signals. */

/** Limit of a shutdown: below the 10 seconds after which process managers send SIGKILL, with room for a late timer. */
const stopLimitMs = 9000;

/** Under npm, Ctrl-C arrives twice: from the terminal and forwarded by npm. A user's second one takes longer. */
const sameSignalMs = 500;

/** Resolves at the first SIGINT or SIGTERM. A second one exits at once; `limitMs` after the first, SIGKILL follows. */
export function stopSignal(limitMs = stopLimitMs): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let since: number | undefined;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (since !== undefined) {
          if (performance.now() - since > sameSignalMs) process.exit(1);
          return;
        }
        since = performance.now();
        setTimeout(() => {
          console.error(`shutdown took more than ${limitMs / 1000} s: killing the process`);
          // `process.exit` would wait for a thread that is blocked in a system call, for example on a slow disk.
          process.kill(process.pid, 'SIGKILL');
        }, limitMs).unref();
        resolve(signal);
      });
    }
  });
}
