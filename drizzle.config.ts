/** For drizzle-kit, which wants one service at a time: SERVICE, as `npm run migrations` sets it. */
import { existsSync } from 'node:fs';
import { defineConfig } from 'drizzle-kit';

const folder = `services/${process.env.SERVICE}`;
if (!existsSync(`${folder}/schema.ts`)) {
  throw new Error('Which service? npm run migrations -- SERVICE --name WHAT [--custom]');
}

export default defineConfig({ dialect: 'sqlite', schema: `${folder}/schema.ts`, out: `${folder}/migrations` });
