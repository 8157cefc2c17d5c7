/** The ceiling of reading: a CSV parsed by papaparse and forgotten. Argument: CSV file. */
import { readCsv } from '../../seed/csv.ts';

const startedAt = performance.now();
let rows = 0;
for await (const { rows: read } of readCsv(process.argv[2] as string)) rows += read.length;
console.log(JSON.stringify({ rows, seconds: (performance.now() - startedAt) / 1000 }));
