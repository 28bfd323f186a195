/** A network on loopback that can be cut: TCP proxies between the nodes, and from each node to the database. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Who is at the near end of a connection; undefined until it has said so. */
type Source = string | undefined;

export interface ProxyOptions {
  readonly targetPort: () => number;
  /** False while nothing passes from this source to the target, nor back. */
  passes(source: Source): boolean;
  /** Reads the name of the source off the first bytes of a connection; without it, sources have no names. */
  readonly nameOf?: (firstBytes: Buffer) => Source;
}

/** A name stands in the first bytes of a connection, if anywhere. */
const maxNameBytes = 8_192;

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  source: Source;
  /** True once bytes were dropped: the connection cannot go on. */
  isBroken: boolean;
}

/** Passes connections on to one port. While it is cut, connections stay open and nothing passes, as without a cable. */
export class CuttableProxy {
  readonly #options: ProxyOptions;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#server = createServer((near) => this.#accept(near));
  }

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends the connections that have lost something: both ends open new ones. */
  healed(): void {
    for (const pair of [...this.#pairs]) if (pair.isBroken) this.#end(pair);
  }

  close(): void {
    this.#server.close();
    for (const pair of [...this.#pairs]) this.#end(pair);
  }

  #accept(near: Socket): void {
    const far = connect(this.#options.targetPort(), "127.0.0.1");
    const pair: Pair = { near, far, source: undefined, isBroken: false };
    this.#pairs.add(pair);
    this.#learnSource(pair);
    this.#pass(pair, near, far);
    this.#pass(pair, far, near);
  }

  #learnSource(pair: Pair): void {
    const { nameOf } = this.#options;
    if (nameOf === undefined) return;
    let seen = Buffer.alloc(0);
    const look = (bytes: Buffer): void => {
      seen = Buffer.concat([seen, bytes]);
      pair.source = nameOf(seen);
      if (pair.source !== undefined || seen.length > maxNameBytes) pair.near.off("data", look);
    };
    pair.near.on("data", look);
  }

  #pass(pair: Pair, from: Socket, to: Socket): void {
    from.setNoDelay();
    from.on("data", (bytes) => {
      if (!this.#options.passes(pair.source)) pair.isBroken = true;
      if (pair.isBroken) return;
      if (!to.write(bytes)) from.pause();
    });
    to.on("drain", () => from.resume());
    from.on("error", () => undefined);
    from.on("close", () => {
      // The other end does not hear of it while the cable is out.
      if (this.#options.passes(pair.source) && !pair.isBroken) this.#end(pair);
      else pair.isBroken = true;
    });
  }

  #end(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.near.destroy();
    pair.far.destroy();
  }
}

/** The node that opened a link: its first message says so, as JSON in a frame of HTTP/2. */
export function nodeOfLink(firstBytes: Buffer): string | undefined {
  return /"node":"([^"]+)"/.exec(firstBytes.toString("latin1"))?.[1];
}
