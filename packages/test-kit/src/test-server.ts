import type { ActorTarget } from "@holdfast/client";
import type { Ports } from "@holdfast/core";
import { type Directory, type GatewayOptions, type Listening, LocalDriver, listen } from "@holdfast/server";

/** What `getGatewayUrl` names in a test: a server on loopback from the first question on, over crashes. */
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

  /** The process died: the next one listens at the same port. What was under way is cut off. */
  async replace(directory: Directory): Promise<void> {
    this.#directory = directory;
    const before = await this.#listening;
    if (before === undefined) return;
    before.stopAccepting();
    void before.close();
    this.#listening = this.#open(before.port);
    await this.listen();
  }

  async close(): Promise<void> {
    await (await this.#listening)?.close();
  }

  #open(port: number): Promise<Listening> {
    return listen(this.#directory, { ...this.#options, host: "127.0.0.1", port });
  }
}

/** The client of a test speaks to the actors in its process; a URL is for others. */
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
