/** `npm run deadletters -- list | show SEQ | replay SEQ | drop SEQ [--json]` */
import { Connection } from '../shared/broker/connection.ts';
import { textOfToken } from '../shared/operations/event.ts';
import { readArguments, refuseArguments, runProgram } from '../shared/process/command-line.ts';
import { readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import { type Closed, DeadLetterAdmin, type WaitingLetter } from './dead-letter-admin.ts';

const usage = `Usage: npm run deadletters -- COMMAND [--json]

  list          list open dead letters, oldest first
  show SEQ      show a dead letter with its headers and body
  replay SEQ    publish the original message again and close the dead letter
  drop SEQ      close the dead letter without publishing anything

NATS_URL is the address of the broker. A message that several readers could not process has a dead
letter for each of them. One replay reaches all readers, so drop the others.`;

type Command = { name: 'list' } | { name: 'show' | 'replay' | 'drop'; seq: number };

function parse(): { command: Command; json: boolean } {
  const options = { json: { type: 'boolean', default: false } } as const;
  const { values, positionals } = readArguments({ usage, options, positionals: { min: 0, max: 2 } });
  const { json } = values;
  const [name, number] = positionals;
  const refuse = (reason: string): never => refuseArguments(reason, usage);
  if (name === 'list' && number === undefined) return { command: { name }, json };
  if (name !== 'show' && name !== 'replay' && name !== 'drop') {
    return refuse(name === undefined ? 'a command is missing' : `unknown command: ${positionals.join(' ')}`);
  }
  if (!/^[1-9]\d{0,14}$/.test(number ?? '')) return refuse(`${name} needs the number of a dead letter`);
  return { command: { name, seq: Number(number) }, json };
}

async function run(letters: DeadLetterAdmin, command: Command, json: boolean): Promise<void> {
  switch (command.name) {
    case 'list':
      return list(letters, json);
    case 'show':
      return print(await letters.get(command.seq), json, describe);
    case 'replay':
      return print(await letters.replay(command.seq), json, describeClosed);
    case 'drop':
      return print(await letters.drop(command.seq), json, describeClosed);
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

function print<T>(value: T, json: boolean, text: (value: T) => string): void {
  console.log(json ? JSON.stringify(value, null, 2) : text(value));
}

function describe(letter: WaitingLetter): string {
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

/** Appends the decoded tokens to a subject: `library.hub.ann=40example=2Eorg (ann@example.org)`. */
function readable(subject: string): string {
  const encoded = subject.split('.').filter((token) => token.includes('='));
  const texts = encoded.map((token) => textOfToken(token) ?? token);
  return texts.length > 0 ? `${subject} (${texts.join(', ')})` : subject;
}

function describeClosed({ seq, state, sequence }: Closed): string {
  return `Dead letter ${seq} was ${state}${sequence === undefined ? '' : ` as message ${sequence}`}.`;
}

await runProgram(async () => {
  const { command, json } = parse();
  const config = readConfig(process.env);
  await using connection = new Connection(config, 'deadletters', createLogger('deadletters', 'silent'));
  await run(new DeadLetterAdmin(await connection.within()), command, json);
});
