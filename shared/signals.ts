/** Waiting for the end. */

/** Whoever stops a process kills it after 10 seconds: better to end by ourselves. */
const stopLimitMs = 9500;

/** Resolves at the first SIGINT or SIGTERM. A second one ends the process at once. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let stopping = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (stopping) process.exit(1);
        stopping = true;
        setTimeout(() => process.exit(1), stopLimitMs).unref();
        resolve(signal);
      });
    }
  });
}
