/** Upper bound for reading a CSV file: parses rows and discards them. Argument: CSV file. */
import { sourceOf } from '../../seed/file/source.ts';
import { openTable } from '../../seed/file/table.ts';

const startedAt = performance.now();
let rows = 0;
for await (const group of (await openTable(sourceOf(process.argv[2] as string))).groups) rows += group.length;
console.log(JSON.stringify({ rows, seconds: (performance.now() - startedAt) / 1000 }));
