/** Waiting for the end. */

/** Whoever stops a process kills it after 10 seconds: better to end by ourselves, also where the timer is late. */
const stopLimitMs = 9000;

/** Ctrl-C under npm comes twice: from the terminal, and passed on by npm. Nobody presses it again within this time. */
const sameSignalMs = 500;

/** Resolves at the first SIGINT or SIGTERM. A second one ends the process at once, and so does the end of `limitMs`. */
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
          console.error(`stopping took more than ${limitMs / 1000} s: ended without waiting any longer`);
          // In the middle of what it does: `process.exit` would wait for a thread that hangs in a slow disk.
          process.kill(process.pid, 'SIGKILL');
        }, limitMs).unref();
        resolve(signal);
      });
    }
  });
}
