/** A real browser for tests, where there is one. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** For a test's `skip`: why there is no browser, or false. */
export const withoutBrowser: string | false = existsSync(executablePath)
  ? false
  : `there is no Chromium at ${executablePath}: apt-get install chromium, or set CHROMIUM`;

/** Starts it without a window, and without the things that it would look for on the internet. */
export function startBrowser(): Promise<Browser> {
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', ...quiet],
  });
}
