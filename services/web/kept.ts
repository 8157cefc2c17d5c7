/** Formatters that are kept: to make one costs a hundred times what it costs to use it. */

/** Zones come from browsers, in whatever spelling: so many are kept, and then all are made again. */
const most = 1000;

/** Gives for each key what `make` has made of it. @throws what `make` throws */
export function kept<T>(make: (...key: string[]) => T): (...key: string[]) => T {
  const made = new Map<string, T>();
  return (...key) => {
    const name = key.join(' ');
    const known = made.get(name);
    if (known !== undefined) return known;
    const one = make(...key);
    if (made.size === most) made.clear();
    made.set(name, one);
    return one;
  };
}
