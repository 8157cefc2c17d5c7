/**
 * Counters, gauges and histograms in Prometheus' text format. Our own, because an observation is on the path of every
 * request: 10 ns here, 650 to 850 ns in prom-client with its labels bound beforehand.
 */

export type Labels = Readonly<Record<string, string>>;

type Kind = 'counter' | 'gauge' | 'histogram';

interface Sampled {
  /** Lines of this child, each ending in a line feed. */
  lines(name: string, labels: string): string;
}

/** Only goes up. */
export class Counter implements Sampled {
  value = 0;

  add(count = 1): void {
    this.value += count;
  }

  lines(name: string, labels: string): string {
    return line(name, labels, this.value);
  }
}

/** Counts of what was observed up to each bound, and their sum. */
export class Histogram implements Sampled {
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let index = 0;
    // Most values are small, so a walk from the left beats a binary search.
    while (index < bounds.length && value > (bounds[index] as number)) index++;
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.#sum += value;
  }

  lines(name: string, labels: string): string {
    const separator = labels === '' ? '' : ',';
    let text = '';
    let count = 0;
    this.#counts.forEach((own, index) => {
      count += own;
      const bound = this.#bounds[index] ?? '+Inf';
      text += line(`${name}_bucket`, `${labels}${separator}le="${bound}"`, count);
    });
    return text + line(`${name}_sum`, labels, this.#sum) + line(`${name}_count`, labels, count);
  }
}

/** One metric: a child for each combination of its labels. */
class Family<C extends Sampled> {
  readonly #make: () => C;
  readonly #children = new Map<string, C>();

  constructor(make: () => C) {
    this.#make = make;
  }

  /** The child with these labels, made where it is missing. To be kept by whoever counts often. */
  with(labels: Labels): C {
    const key = render(labels);
    let child = this.#children.get(key);
    if (!child) {
      child = this.#make();
      this.#children.set(key, child);
    }
    return child;
  }

  lines(name: string): string {
    let text = '';
    for (const [labels, child] of this.#children) text += child.lines(name, labels);
    return text;
  }
}

/** What is looked up when metrics are asked for. A value that is NaN is not known and left out. */
export type Reading = { value: number; labels?: Labels };

interface Metric {
  name: string;
  kind: Kind;
  help: string;
  lines(): string | Promise<string>;
}

/** The metrics of one service. */
export class Registry {
  readonly #metrics: Metric[] = [];

  counter(name: string, help: string): Family<Counter> {
    return this.#family(name, help, 'counter', () => new Counter());
  }

  histogram(name: string, help: string, bounds: readonly number[]): Family<Histogram> {
    return this.#family(name, help, 'histogram', () => new Histogram(bounds));
  }

  /** A metric that is read where it is kept, at the moment it is asked for. */
  read(
    name: string,
    help: string,
    kind: 'counter' | 'gauge',
    readings: () => Iterable<Reading> | Promise<Iterable<Reading>>,
  ): void {
    this.#add(name, help, kind, async () => {
      let text = '';
      for (const { value, labels = {} } of await readings()) {
        if (!Number.isNaN(value)) text += line(name, render(labels), value);
      }
      return text;
    });
  }

  /** All metrics in the text format, version 0.0.4. */
  async text(): Promise<string> {
    const blocks = this.#metrics.map(
      async ({ name, kind, help, lines }) => `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${await lines()}`,
    );
    return (await Promise.all(blocks)).join('');
  }

  #family<C extends Sampled>(name: string, help: string, kind: Kind, make: () => C): Family<C> {
    const family = new Family(make);
    this.#add(name, help, kind, () => family.lines(name));
    return family;
  }

  #add(name: string, help: string, kind: Kind, lines: Metric['lines']): void {
    if (this.#metrics.some((metric) => metric.name === name)) throw new Error(`there are two metrics ${name}`);
    this.#metrics.push({ name, help, kind, lines });
  }
}

export type { Family };

/** The content type of `Registry.text`. */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

function line(name: string, labels: string, value: number): string {
  return labels === '' ? `${name} ${value}\n` : `${name}{${labels}} ${value}\n`;
}

function render(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, escapes)}"`)
    .join(',');
}

function escapes(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}
