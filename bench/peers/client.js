/** Request-reply between services: a round of requests, `inFlight` at once, for each line on standard input. */
import { createInterface } from 'node:readline';

/**
 * Answers `{"seconds": 3, "inFlight": 64, "movies": 1000}` with `{"requests": …, "seconds": …, "p50Ms": …, "p99Ms":
 * …}`.
 * @param ask sends a request and resolves with the decoded reply
 */
export function serveRounds(ask) {
  console.log('listening');
  createInterface({ input: process.stdin }).on('line', async (line) => {
    const { seconds, inFlight, movies } = JSON.parse(line);
    const startedAt = performance.now();
    const until = startedAt + seconds * 1000;
    const times = [];
    let next = 0;
    const work = async () => {
      while (performance.now() < until) {
        const before = performance.now();
        const movie = await ask((next++ % movies) + 1);
        if (typeof movie.title !== 'string') throw new Error('the reply is not a movie');
        times.push(performance.now() - before);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, work));
    const took = (performance.now() - startedAt) / 1000;
    times.sort((a, b) => a - b);
    const at = (q) => times[Math.floor(times.length * q)];
    console.log(JSON.stringify({ requests: times.length, seconds: took, p50Ms: at(0.5), p99Ms: at(0.99) }));
  });
}
