/** How all commands read their arguments. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** The arguments are not understood; the message says why, and what is. */
export class BadArguments extends Error {
  override readonly name = 'BadArguments';
}

export interface CommandLine<O extends ParseArgsOptionsConfig> {
  /** What `--help` prints. */
  usage: string;
  options?: O;
  /** How many arguments there may be beside options. */
  positionals?: { least: number; most: number };
  args?: string[];
}

type Values<O extends ParseArgsOptionsConfig> = ReturnType<typeof parseArgs<{ options: O }>>['values'];

/**
 * Reads the arguments of this process. With `--help` it prints the usage and ends with 0.
 * @throws BadArguments for an option that is unknown, lacks its value or is given twice, and for too many arguments.
 */
export function readArguments<const O extends ParseArgsOptionsConfig>({
  usage,
  options = {} as O,
  positionals = { least: 0, most: 0 },
  args = process.argv.slice(2),
}: CommandLine<O>): { values: Values<O>; positionals: string[] } {
  const refuse = (reason: string): BadArguments => new BadArguments(`${reason}\n\n${usage}`);
  const all: ParseArgsOptionsConfig = { ...options, help: { type: 'boolean', short: 'h' } };
  let parsed: ReturnType<typeof parseArgs<{ options: O; tokens: true; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args, options: all, tokens: true, allowPositionals: true }) as typeof parsed;
  } catch (error) {
    // The rest of the message is about arguments that begin with a dash.
    throw refuse((error as Error).message.split('. ')[0] ?? '');
  }
  if ((parsed.values as { help?: boolean }).help) {
    console.log(usage);
    process.exit(0);
  }
  const given = new Set<string>();
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue;
    if (given.has(token.name) && !all[token.name]?.multiple) throw refuse(`--${token.name} is given twice`);
    given.add(token.name);
  }
  const { least, most } = positionals;
  const count = parsed.positionals.length;
  if (count > most) throw refuse(`not understood: ${parsed.positionals.slice(most).join(' ')}`);
  if (count < least) throw refuse('an argument is missing');
  return { values: parsed.values as Values<O>, positionals: parsed.positionals };
}

/** The same for programs that have nothing to end: what is not understood is printed, and ends the process with 2. */
export function argumentsOrExit<const O extends ParseArgsOptionsConfig>(
  line: CommandLine<O>,
): ReturnType<typeof readArguments<O>> {
  try {
    return readArguments(line);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}

/**
 * Says what ends a program, in its own words: with 2 where its arguments are not understood, else with 1. A mistake in the code
 * is thrown on: the runtime then shows its place.
 */
export function printReason(error: unknown): void {
  if (error instanceof SyntaxError || error instanceof TypeError || error instanceof ReferenceError) throw error;
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof BadArguments ? 2 : 1;
}

/**
 * Runs a program, and ends the process, as printReason says of what it throws. Left alone a process waits for ever for a broker that was out of reach at first: the NATS client forgets the socket of such a try.
 */
export async function runProgram(main: () => Promise<void> | void): Promise<void> {
  try {
    await main();
  } catch (error) {
    printReason(error);
  }
  process.exit(process.exitCode);
}
