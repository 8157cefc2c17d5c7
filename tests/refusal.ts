import { vi } from 'vitest';

/** Returns the message with which arguments are refused, by an error or by exiting the process. */
export function refusalOf(read: () => unknown): string {
  using said = vi.spyOn(console, 'error').mockImplementation(() => {});
  using _exit = vi.spyOn(process, 'exit').mockImplementation((code) => {
    throw new Error(`ended with ${code}`);
  });
  try {
    read();
    return '';
  } catch (error) {
    return [...said.mock.calls.flat(), (error as Error).message].join('\n');
  }
}
