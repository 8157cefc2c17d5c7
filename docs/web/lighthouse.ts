/** `npm run web:lighthouse`: scores the main pages of a running Marquee with Lighthouse. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readArguments } from '../../shared/process/command-line.ts';

/** Downloaded by npx, because with its dependencies it is as large as all dependencies of Marquee. */
const lighthouse = 'lighthouse@13.5.0';
const paths = ['/', '/film/3', '/browse?q=godfather'];
const scored = ['performance', 'accessibility', 'best-practices', 'seo'];
const minScore = 95;

const { positionals } = readArguments({
  usage: `Usage: npm run web:lighthouse -- [URL]

Scores the start page, a film and a search of the Marquee at URL (http://127.0.0.1:8080) as on a slow phone, with
Lighthouse, which npx downloads. Fails if one of ${scored.join(', ')} is below ${minScore}.
The browser is CHROME_PATH (/usr/bin/chromium). Other load on the machine lowers the performance score.`,
  positionals: { min: 0, max: 1 },
});

interface Report {
  categories: Record<string, { score: number | null }>;
}

const url = positionals[0] ?? 'http://127.0.0.1:8080';
const folder = mkdtempSync(join(tmpdir(), 'marquee-lighthouse-'));
try {
  for (const path of paths) {
    const file = join(folder, 'report.json');
    const browser = '--chrome-flags=--headless=new --no-sandbox --disable-gpu';
    const how = ['--quiet', '--output=json', `--output-path=${file}`, `--only-categories=${scored.join()}`, browser];
    execFileSync('npx', ['--yes', lighthouse, new URL(path, url).href, ...how], {
      env: { CHROME_PATH: '/usr/bin/chromium', ...process.env },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const { categories } = JSON.parse(readFileSync(file, 'utf8')) as Report;
    const scores = scored.map((name) => [name, Math.round((categories[name]?.score ?? 0) * 100)] as const);
    console.log(`${path}: ${scores.map(([name, score]) => `${name} ${score}`).join(', ')}`);
    if (scores.some(([, score]) => score < minScore)) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
