/** `npm run deadletters -- list | show SEQ | replay SEQ | drop SEQ [--json]` */
import { Connection } from '../shared/broker/connection.ts';
import { textOfToken } from '../shared/operations/event.ts';
import { readArguments, refuseArguments, runProgram } from '../shared/process/command-line.ts';
import { readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import { type Closed, DeadLetterAdmin, type WaitingLetter } from './dead-letter-admin.ts';

const usage = `Usage: npm run deadletters -- COMMAND [--json]

  list          dead letters that wait, oldest first
  show SEQ      one of them, with its headers and body
  replay SEQ    publish the original message again and close the letter
  drop SEQ      close the letter without doing anything about it

NATS_URL says where the broker is. A message that several readers could not take has a letter
for each; one replay reaches all of them, so drop the others.`;

type Command = { name: 'list' } | { name: 'show' | 'replay' | 'drop'; seq: number };

function parse(): { command: Command; json: boolean } {
  const options = { json: { type: 'boolean', default: false } } as const;
  const { values, positionals } = readArguments({ usage, options, positionals: { min: 0, max: 2 } });
  const { json } = values;
  const [name, number] = positionals;
  const refuse = (reason: string): never => refuseArguments(reason, usage);
  if (name === 'list' && number === undefined) return { command: { name }, json };
  if (name !== 'show' && name !== 'replay' && name !== 'drop') {
    return refuse(name === undefined ? 'a command is missing' : `not understood: ${positionals.join(' ')}`);
  }
  if (!/^[1-9]\d{0,14}$/.test(number ?? '')) return refuse(`${name} needs the number of a letter`);
  return { command: { name, seq: Number(number) }, json };
}

async function run(letters: DeadLetterAdmin, command: Command, json: boolean): Promise<void> {
  switch (command.name) {
    case 'list':
      return list(letters, json);
    case 'show':
      return say(await letters.get(command.seq), json, shown);
    case 'replay':
      return say(await letters.replay(command.seq), json, closed);
    case 'drop':
      return say(await letters.drop(command.seq), json, closed);
    default:
      return command satisfies never;
  }
}

async function list(letters: DeadLetterAdmin, json: boolean): Promise<void> {
  const all: Omit<WaitingLetter, 'headers' | 'data' | 'dataBase64'>[] = [];
  for await (const { headers: _h, data: _d, dataBase64: _b, ...letter } of letters.list()) {
    all.push(letter);
    if (json) continue;
    const { seq, failedAt, consumer, stream, sequence, subject, reason } = letter;
    console.log(
      `${String(seq).padStart(6)}  ${failedAt}  ${consumer}  ${stream}:${sequence}  ${readable(subject)}  ${reason}`,
    );
  }
  if (json) console.log(JSON.stringify(all, null, 2));
  else if (all.length === 0) console.log('No dead letters.');
}

function say<T>(value: T, json: boolean, text: (value: T) => string): void {
  console.log(json ? JSON.stringify(value, null, 2) : text(value));
}

function shown(letter: WaitingLetter): string {
  const body = letter.bodyIsInStream
    ? `(too large: see message ${letter.sequence} of ${letter.stream})`
    : (letter.data ?? `(base64) ${letter.dataBase64}`);
  return [
    `dead letter  ${letter.seq}`,
    `failed at    ${letter.failedAt}, attempts: ${letter.attempts}`,
    `reader       ${letter.consumer}`,
    `reason       ${letter.reason}`,
    `message      ${letter.stream}:${letter.sequence}  ${readable(letter.subject)}`,
    ...Object.entries(letter.headers).map(([name, value]) => `header       ${name}: ${value}`),
    '',
    body,
  ].join('\n');
}

/** A subject, and what its encoded tokens say: `library.hub.ann=40example=2Eorg (ann@example.org)`. */
function readable(subject: string): string {
  const encoded = subject.split('.').filter((token) => token.includes('='));
  const texts = encoded.map((token) => textOfToken(token) ?? token);
  return texts.length > 0 ? `${subject} (${texts.join(', ')})` : subject;
}

function closed({ seq, state, sequence }: Closed): string {
  return `Dead letter ${seq} is ${state}${sequence === undefined ? '' : ` as message ${sequence}`}.`;
}

await runProgram(async () => {
  const { command, json } = parse();
  const config = readConfig(process.env);
  await using connection = new Connection(config, 'deadletters', createLogger('deadletters', 'silent'));
  await run(new DeadLetterAdmin(await connection.within()), command, json);
});
