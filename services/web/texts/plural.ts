/** A number with its noun, as in `2 likes`; the number as the language writes it. */
export function pluralIn(language: string): (count: number, one: string, many: string) => string {
  return (count, one, many) => `${count.toLocaleString(language)} ${count === 1 ? one : many}`;
}
