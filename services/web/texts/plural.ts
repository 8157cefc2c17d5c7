/** Returns a function that formats a number for the language and appends its noun, as in `2 likes`. */
export function pluralIn(language: string): (count: number, one: string, many: string) => string {
  return (count, one, many) => `${count.toLocaleString(language)} ${count === 1 ? one : many}`;
}
