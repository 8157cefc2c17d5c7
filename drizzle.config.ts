/** For drizzle-kit, which wants one service at a time: SERVICE, as `npm run migrations` sets it. */
import { existsSync } from 'node:fs';
import { defineConfig } from 'drizzle-kit';

const service = process.env.SERVICE;
const folder = `services/${service}`;
if (!existsSync(`${folder}/schema.ts`)) {
  throw new Error(`There is no ${folder}/schema.ts.

Usage: npm run migrations -- SERVICE --name WHAT [--custom]

Writes the SQL that brings the tables of a service from its last migration to its schema.ts. With --custom it writes an
empty migration, for SQL that drizzle cannot express.`);
}

export default defineConfig({ dialect: 'sqlite', schema: `${folder}/schema.ts`, out: `${folder}/migrations` });
