/** A TCP proxy in front of the broker for one process, which can cut or delay its connections. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Forwards bytes until a fault is set. */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #delayMs = 0;
  #cut = false;
  #hole = false;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  /** Listens on any port and forwards to port `target` of this machine. */
  static async listen(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Closes all connections and refuses new ones. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Accepts connections and bytes but forwards nothing, like a network that loses every packet. */
  swallow(): void {
    this.#hole = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Delays each byte in both directions. */
  slow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** Ends all faults. */
  resume(): void {
    this.#cut = false;
    this.#delayMs = 0;
    this.#hole = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    if (this.#cut) {
      client.destroy();
      return;
    }
    const broker = connect({ port: this.#target, host: '127.0.0.1', noDelay: true });
    for (const [from, to] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(from);
      this.#pass(from, to);
      if (this.#hole) from.pause();
      from.on('error', () => {});
      from.once('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }

  #pass(from: Socket, to: Socket): void {
    // A promise chain keeps the order when the delay changes; without a delay bytes are forwarded at once.
    let last: Promise<void> | undefined;
    from.on('data', (chunk) => {
      if (this.#delayMs === 0 && last === undefined) {
        if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
        return;
      }
      const due = Date.now() + this.#delayMs;
      const mine: Promise<void> = (last ?? Promise.resolve()).then(async () => {
        const wait = due - Date.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        if (!to.destroyed) to.write(chunk);
        if (last === mine) last = undefined;
      });
      last = mine;
    });
  }
}
