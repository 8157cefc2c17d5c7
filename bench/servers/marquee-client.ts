/** Marquee's own request-reply for the comparison with the peers' (bench/peers/client.js has the protocol). */
import { movies } from '../../services/movies/contract.ts';
import { readConfig } from '../../shared/config.ts';
import { Connection } from '../../shared/connection.ts';
import { createLogger } from '../../shared/log.ts';
import { Caller } from '../../shared/rpc.ts';
import { serveRounds } from '../peers/client.js';

const connection = new Connection(readConfig(process.env), 'client', createLogger('client', 'silent'));
await connection.first;
const caller = new Caller(connection);
serveRounds((movieId) => caller.ask(movies.details, { movieId }, { timeoutMs: 5000 }));
