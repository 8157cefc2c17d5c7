/** Command-line arguments, --help and exit status, the same for every command. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** Prints why the arguments are invalid, then the usage, and exits with status 2. */
export function refuseArguments(reason: string, usage: string): never {
  console.error(`${reason}\n\n${usage}`);
  process.exit(2);
}

interface CommandLine<O extends ParseArgsOptionsConfig> {
  /** Text that `--help` prints. */
  usage: string;
  options?: O;
  /** How many arguments are allowed besides options. */
  positionals?: { min: number; max: number };
  args?: string[];
}

type Values<O extends ParseArgsOptionsConfig> = ReturnType<typeof parseArgs<{ options: O }>>['values'];

/**
 * Parses the arguments of this process. Prints the usage and exits with status 0 for `--help`. Refuses unknown or
 * repeated options, options without their value, and too few or too many arguments.
 */
export function readArguments<const O extends ParseArgsOptionsConfig>({
  usage,
  options = {} as O,
  positionals: { min, max } = { min: 0, max: 0 },
  args = process.argv.slice(2),
}: CommandLine<O>): { values: Values<O>; positionals: string[] } {
  const all: ParseArgsOptionsConfig = { ...options, help: { type: 'boolean', short: 'h' } };
  let parsed: ReturnType<typeof parseArgs<{ options: O; tokens: true; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args, options: all, tokens: true, allowPositionals: true }) as typeof parsed;
  } catch (error) {
    // Only the first sentence: the rest explains arguments that begin with a dash.
    refuseArguments((error as Error).message.split('. ')[0] ?? '', usage);
  }
  if ((parsed.values as { help?: boolean }).help) {
    console.log(usage);
    process.exit(0);
  }
  const given = new Set<string>();
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue;
    if (token.value === '') refuseArguments(`--${token.name} has no value`, usage);
    if (given.has(token.name) && !all[token.name]?.multiple) refuseArguments(`--${token.name} is given twice`, usage);
    given.add(token.name);
  }
  const count = parsed.positionals.length;
  if (count > max) refuseArguments(`unexpected argument: ${parsed.positionals.slice(max).join(' ')}`, usage);
  if (count < min) refuseArguments('missing argument', usage);
  return { values: parsed.values as Values<O>, positionals: parsed.positionals };
}

/** Prints an error's message and sets exit status 1. Rethrows a bug, so that the runtime prints its stack. */
export function printReason(error: unknown): void {
  if (error instanceof SyntaxError || error instanceof TypeError || error instanceof ReferenceError) throw error;
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

/**
 * Runs a program, reports its error with printReason, and exits. Without the explicit exit, a process whose first
 * attempt to reach the broker failed would never end: the NATS client leaves the socket of that attempt open.
 */
export async function runProgram(main: () => Promise<void> | void): Promise<void> {
  try {
    await main();
  } catch (error) {
    printReason(error);
  }
  process.exit(process.exitCode);
}
