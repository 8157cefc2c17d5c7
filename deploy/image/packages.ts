/**
 * Reduces package.json and its lock in the current folder to what an image build needs: production packages and the
 * bundler. Versions and checksums stay those of the lock.
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface Manifest {
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  packages?: Record<string, Manifest>;
}

const kept = new Set(['esbuild']);

for (const file of ['package.json', 'package-lock.json']) {
  const json = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  const manifest = json.packages?.[''] ?? json;
  const all = Object.entries(manifest.devDependencies ?? {});
  manifest.devDependencies = Object.fromEntries(all.filter(([name]) => kept.has(name)));
  // Deno is optional and only for development.
  delete manifest.optionalDependencies;
  writeFileSync(file, JSON.stringify(json));
}
