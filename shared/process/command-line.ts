/** How all commands read their arguments. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** Says why arguments are not understood, and what is, and ends the process with 2. */
export function refuseArguments(reason: string, usage: string): never {
  console.error(`${reason}\n\n${usage}`);
  process.exit(2);
}

interface CommandLine<O extends ParseArgsOptionsConfig> {
  /** What `--help` prints. */
  usage: string;
  options?: O;
  /** How many arguments there may be beside options. */
  positionals?: { min: number; max: number };
  args?: string[];
}

type Values<O extends ParseArgsOptionsConfig> = ReturnType<typeof parseArgs<{ options: O }>>['values'];

/**
 * Reads the arguments of this process. With `--help` it prints the usage and ends with 0. Refused are options that are unknown,
 * lack their value or are given twice, and arguments that are missing or too many.
 */
export function readArguments<const O extends ParseArgsOptionsConfig>({
  usage,
  options = {} as O,
  positionals = { min: 0, max: 0 },
  args = process.argv.slice(2),
}: CommandLine<O>): { values: Values<O>; positionals: string[] } {
  const all: ParseArgsOptionsConfig = { ...options, help: { type: 'boolean', short: 'h' } };
  let parsed: ReturnType<typeof parseArgs<{ options: O; tokens: true; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args, options: all, tokens: true, allowPositionals: true }) as typeof parsed;
  } catch (error) {
    // The rest of the message is about arguments that begin with a dash.
    refuseArguments((error as Error).message.split('. ')[0] ?? '', usage);
  }
  if ((parsed.values as { help?: boolean }).help) {
    console.log(usage);
    process.exit(0);
  }
  const given = new Set<string>();
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue;
    if (given.has(token.name) && !all[token.name]?.multiple) refuseArguments(`--${token.name} is given twice`, usage);
    given.add(token.name);
  }
  const { min, max } = positionals;
  const count = parsed.positionals.length;
  if (count > max) refuseArguments(`not understood: ${parsed.positionals.slice(max).join(' ')}`, usage);
  if (count < min) refuseArguments('an argument is missing', usage);
  return { values: parsed.values as Values<O>, positionals: parsed.positionals };
}

/** Says what ends a program with 1, in its own words. A mistake in the code is thrown on: the runtime then shows its place. */
export function printReason(error: unknown): void {
  if (error instanceof SyntaxError || error instanceof TypeError || error instanceof ReferenceError) throw error;
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

/**
 * Runs a program, and ends the process, as printReason says of what it throws. Left alone a process waits for ever for a broker
 * that was out of reach at first: the NATS client forgets the socket of such a try.
 */
export async function runProgram(main: () => Promise<void> | void): Promise<void> {
  try {
    await main();
  } catch (error) {
    printReason(error);
  }
  process.exit(process.exitCode);
}
