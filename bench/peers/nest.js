/** NestJS 12 with NATS transport and Fastify: `node nest.js gateway|movies|ranking`, or `client` for request-reply. */
import 'reflect-metadata';
import { Controller, Get, Inject, Module, NotFoundException, Param, ParseIntPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, MessagePattern, Payload, RpcException, Transport } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { lastValueFrom } from 'rxjs';
import { serveRounds } from './client.js';
import { openLikes, openMovies } from './store.js';

const role = process.argv[2];
const servers = [process.env.NATS_URL];
const client = { name: 'NATS', transport: Transport.NATS, options: { servers } };

/** Applies decorators without a compiler, as the output of TypeScript does. */
function decorate(target, method, decorators, parameters = {}) {
  const descriptor = Object.getOwnPropertyDescriptor(target.prototype, method);
  for (const decorator of decorators) decorator(target.prototype, method, descriptor);
  for (const [index, decorator] of Object.entries(parameters)) decorator(target.prototype, method, Number(index));
}

class Gateway {
  constructor(nats) {
    this.nats = nats;
  }
  get(movieId) {
    return this.nats.send('movies.get', { movieId });
  }
}
Inject('NATS')(Gateway, undefined, 0);
decorate(Gateway, 'get', [Get('movies/:movieId')], { 0: Param('movieId', ParseIntPipe) });
Controller()(Gateway);

class Movies {
  constructor(nats) {
    this.nats = nats;
    this.find = openMovies();
  }
  async get({ movieId }) {
    const { likes } = await lastValueFrom(this.nats.send('ranking.likes', { movieId }));
    return { ...this.details({ movieId }), likes };
  }
  details({ movieId }) {
    const movie = this.find(movieId);
    if (!movie) throw new RpcException(new NotFoundException());
    return movie;
  }
}
Inject('NATS')(Movies, undefined, 0);
decorate(Movies, 'get', [MessagePattern('movies.get')], { 0: Payload() });
decorate(Movies, 'details', [MessagePattern('movies.details')], { 0: Payload() });
Controller()(Movies);

class Ranking {
  constructor() {
    this.find = openLikes();
  }
  likes({ movieId }) {
    return { movieId, likes: this.find(movieId) ?? 0, liked: null };
  }
}
decorate(Ranking, 'likes', [MessagePattern('ranking.likes')], { 0: Payload() });
Controller()(Ranking);

function moduleOf(controllers) {
  class App {}
  Module({ imports: [ClientsModule.register([client])], controllers })(App);
  return App;
}

if (role === 'gateway') {
  const app = await NestFactory.create(moduleOf([Gateway]), new FastifyAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  console.log(`listening on ${(await app.getUrl()).replace('[::1]', '127.0.0.1')}`);
} else if (role === 'client') {
  const app = await NestFactory.createApplicationContext(moduleOf([]), { logger: false });
  const nats = app.get('NATS');
  await nats.connect();
  serveRounds((movieId) => lastValueFrom(nats.send('movies.details', { movieId })));
} else {
  const controllers = role === 'movies' ? [Movies] : [Ranking];
  const options = { transport: Transport.NATS, options: { servers, queue: role }, logger: false };
  const app = await NestFactory.createMicroservice(moduleOf(controllers), options);
  await app.listen();
  console.log('listening');
}
