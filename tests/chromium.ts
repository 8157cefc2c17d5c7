/** A real browser for tests, where there is one. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** The one that has no window takes half the processor time. */
const places = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'] as const;
const executablePath = process.env.CHROMIUM ?? places.find((path) => existsSync(path)) ?? places[0];

/** For a test's `skip`: why there is no browser, or false. */
export const withoutBrowser: string | false = existsSync(executablePath)
  ? false
  : `there is no Chromium at ${executablePath}: apt-get install chromium-headless-shell, or set CHROMIUM`;

/** Starts it without a window, and without the things that it would look for on the internet. */
export function startBrowser(): Promise<Browser> {
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
  // The one without a window knows nothing of its line, and would load images from farther below.
  const lazyAsOnFastLines = ['--blink-settings=lazyLoadingImageMarginPxUnknown=1250'];
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', ...quiet, ...lazyAsOnFastLines],
  });
}
