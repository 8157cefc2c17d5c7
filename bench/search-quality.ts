/**
 * `node bench/search-quality.ts FILE.tsv [--misses]`: measures how often a search of the shipped catalogue finds an
 * accepted title. A line of the file is a query, a tab, and the accepted titles, separated by |.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openShipped } from '../services/movies/testing.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { misses: { type: 'boolean' } } });
const [file] = positionals;
if (file === undefined) {
  console.error('Usage: node bench/search-quality.ts FILE.tsv [--misses]');
  process.exit(2);
}
using movies = await openShipped();
const lines = readFileSync(file, 'utf8').split(/\r?\n/).filter(Boolean);
let nothing = 0;
const ranks = lines.map((line) => {
  const [q = '', accepted = ''] = line.split('\t');
  const titles = movies.search(q, 10).items.map(({ title }) => title);
  const at = titles.findIndex((title) => accepted.split('|').includes(title));
  if (values.misses && at !== 0)
    console.log(`${at < 0 ? '-' : at + 1}\t${q}\t(${accepted})\t${titles.slice(0, 4).join(' | ')}`);
  if (titles.length === 0) nothing++;
  return at < 0 ? Number.POSITIVE_INFINITY : at + 1;
});
const share = (most: number): string => {
  const count = ranks.filter((rank) => rank <= most).length;
  return `${count} of ${lines.length} (${((100 * count) / lines.length).toFixed(1)} %)`;
};
console.log(
  `first: ${share(1)}; among the first three: ${share(3)}; among the first ten: ${share(10)}; nothing found: ${nothing}`,
);
