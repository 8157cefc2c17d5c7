/** Marquee's request-reply for the comparison with the peers (bench/peers/client.js defines the protocol). */
import { movies } from '../../services/movies/contract.ts';
import { Connection } from '../../shared/broker/connection.ts';
import { readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { ServiceCaller } from '../../shared/rpc/caller.ts';
import { serveRounds } from '../peers/client.js';

const connection = new Connection(readConfig(process.env), 'client', createLogger('client', 'silent'));
await connection.first;
const caller = new ServiceCaller(connection);
serveRounds((movieId) => caller.ask(movies.details, { movieId }, { timeoutMs: 5000 }));
