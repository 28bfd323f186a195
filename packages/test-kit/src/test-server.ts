import type { ActorTarget } from "@holdfast/client";
import type { Ports } from "@holdfast/core";
import { type Directory, type GatewayOptions, type Listening, LocalDriver, listen } from "@holdfast/server";

/** Loopback server behind `getGatewayUrl` in a test. It starts on first use and keeps its port across crashes. */
export class TestServer {
  readonly #options: GatewayOptions;
  #directory: Directory;
  #listening: Promise<Listening> | undefined;

  constructor(directory: Directory, options: GatewayOptions) {
    this.#directory = directory;
    this.#options = options;
  }

  async listen(): Promise<void> {
    this.#listening ??= this.#open(0);
    const { url } = await this.#listening;
    this.#directory.publicUrl = url;
  }

  /** Simulates a crash: aborts all requests and listens again at the same port. */
  async replace(directory: Directory): Promise<void> {
    this.#directory = directory;
    const previous = await this.#listening;
    if (previous === undefined) return;
    previous.stopAccepting();
    void previous.close();
    this.#listening = this.#open(previous.port);
    await this.listen();
  }

  async close(): Promise<void> {
    await (await this.#listening)?.close();
  }

  #open(port: number): Promise<Listening> {
    return listen(this.#directory, { ...this.#options, host: "127.0.0.1", port });
  }
}

/** Driver of the test's client: in-process, except for gateway URLs, which other programs use. */
export class TestDriver extends LocalDriver {
  readonly #server: TestServer;

  constructor(directory: Directory, ports: Ports, server: TestServer) {
    super(async () => directory, ports, directory.messageLimits);
    this.#server = server;
  }

  override async gatewayUrl(target: ActorTarget): Promise<string> {
    await this.#server.listen();
    return super.gatewayUrl(target);
  }
}
