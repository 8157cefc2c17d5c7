/** `npm run deploy:write`: writes the files of a deployment that say something of every service. */
import { writeFileSync } from 'node:fs';
import { usersConfiguration, usersFile } from './nats/users.ts';

/** Their paths with what they have to say. */
export async function deploymentFiles(): Promise<Record<string, string>> {
  return { [usersFile]: await usersConfiguration() };
}

if (import.meta.main) {
  for (const [file, text] of Object.entries(await deploymentFiles())) {
    writeFileSync(file, text);
    console.log(`written: ${file}`);
  }
}
