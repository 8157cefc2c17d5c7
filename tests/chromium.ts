/** Starts Chromium for tests, if it is installed. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Paths to look for; the headless shell takes half the processor time. */
const paths = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'] as const;
const executablePath = process.env.CHROMIUM ?? paths.find((path) => existsSync(path)) ?? paths[0];

/** Reason to skip a test that needs a browser, or false if there is one. */
export const withoutBrowser: string | false = existsSync(executablePath)
  ? false
  : `there is no Chromium at ${executablePath}: apt-get install chromium-headless-shell, or set CHROMIUM`;

/** Starts a headless browser that makes no requests of its own to the internet. */
export function startBrowser(): Promise<Browser> {
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
  // The headless shell does not know the speed of its connection, and would load images from farther below the fold.
  const lazyAsOnFastLines = ['--blink-settings=lazyLoadingImageMarginPxUnknown=1250'];
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', ...quiet, ...lazyAsOnFastLines],
  });
}
