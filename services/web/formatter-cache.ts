/** A cache of Intl formatters: creating one costs a hundred times as much as using it. */

/** Zone names come from browsers in any spelling. The cache is emptied when it holds this many formatters. */
const maxFormatters = 1000;

/** Returns a function that makes the formatter of a key once and then reuses it. @throws what `make` throws */
export function cached<T>(make: (...key: string[]) => T): (...key: string[]) => T {
  const made = new Map<string, T>();
  return (...key) => {
    const name = key.join(' ');
    const known = made.get(name);
    if (known !== undefined) return known;
    const one = make(...key);
    if (made.size === maxFormatters) made.clear();
    made.set(name, one);
    return one;
  };
}
