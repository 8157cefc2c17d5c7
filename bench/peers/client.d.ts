export function serveRounds(ask: (movieId: number) => Promise<{ title: string }>): void;
