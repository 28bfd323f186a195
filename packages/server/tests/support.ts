import { mkdtempSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext } from "node:test";
import { type Client, type ClientConfig, createClient } from "@holdfast/client";
import { systemClock, systemPorts } from "@holdfast/core";
import { storedRegistry as registryOn } from "@holdfast/testing/backends";
import { removeAtExit } from "@holdfast/testing/scratch";
import type { Definitions, GatewayOptions, Listening, Registry } from "../src/index.ts";

/** A directory that is removed when the process of the test ends. */
export function temporaryDirectory(_t?: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-server-"));
  removeAtExit(directory);
  return directory;
}

export interface Running<Actors extends Definitions> {
  readonly registry: Registry<Actors>;
  readonly listening: Listening;
  readonly url: string;
  /** A client of this server; disposed of when the test ends. */
  client(config?: ClientConfig): Client<Registry<Actors>>;
}

/** A registry on the real store. */
export function storedRegistry<const Actors extends Definitions>(
  use: Actors,
  directory: string,
  gateway: GatewayOptions = {},
): Registry<Actors> {
  return registryOn(directory, { use, gateway });
}

/** The same, for whom it is `laterMs` after now. */
export function laterRegistry<const Actors extends Definitions>(
  use: Actors,
  directory: string,
  laterMs: number,
): Registry<Actors> {
  const ports = { ...systemPorts(), clock: { now: () => systemClock.now() + laterMs } };
  return registryOn(directory, { use, ports });
}

/** A listening server on the real store. */
export async function serve<const Actors extends Definitions>(
  t: TestContext,
  use: Actors,
  options: { readonly gateway?: GatewayOptions; readonly directory?: string; readonly port?: number } = {},
): Promise<Running<Actors>> {
  const registry = storedRegistry(use, options.directory ?? temporaryDirectory(t), options.gateway);
  t.after(() => registry.shutdown());
  return runningFor(t, registry, await registry.listen({ port: options.port ?? 0 }));
}

/** One server for the cases of a file that need no other, each with keys of its own. It starts with the first of them. */
export function shareServer<const Actors extends Definitions>(
  use: Actors,
): (t: TestContext) => Promise<Running<Actors>> {
  let registry: Registry<Actors> | undefined;
  let listening: Promise<Listening> | undefined;
  after(() => registry?.shutdown());
  return async (t) => {
    registry ??= storedRegistry(use, temporaryDirectory(t));
    listening ??= registry.listen({ port: 0 });
    return runningFor(t, registry, await listening);
  };
}

function runningFor<Actors extends Definitions>(
  t: TestContext,
  registry: Registry<Actors>,
  listening: Listening,
): Running<Actors> {
  return {
    registry,
    listening,
    url: listening.url,
    client: (config = {}) => {
      const client = createClient<Registry<Actors>>({ endpoint: listening.url, ...config });
      t.after(() => client.dispose());
      return client;
    },
  };
}

/** Resolves when `condition` holds; it is asked again whenever `changed` is called. */
export class Condition {
  readonly #waiters = new Set<() => void>();

  changed(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  until(condition: () => boolean, timeoutMs = 30_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#waiters.delete(check);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(check);
        reject(new Error(`not within ${timeoutMs} ms: ${condition.toString()}`));
      }, timeoutMs);
      this.#waiters.add(check);
      check();
    });
  }
}

/** A TCP proxy whose connections can be cut, like a network that fails. */
export interface CuttableProxy {
  readonly url: string;
  /** Connections that were made so far. */
  readonly accepted: number;
  /** Ends every open connection at once, without a close frame. */
  cut(): void;
  /** Whether who connects is let in; true until it is set. */
  open: boolean;
  /** What the server sends from now on does not arrive, until `cut`. */
  swallowReplies(): void;
}

export async function cuttableProxy(t: TestContext, port: number): Promise<CuttableProxy> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  let swallow = false;
  let open = true;
  const server: Server = createServer((inside) => {
    if (!open) {
      inside.destroy();
      return;
    }
    accepted += 1;
    const outside = connect(port, "127.0.0.1");
    for (const socket of [inside, outside]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        inside.destroy();
        outside.destroy();
      });
    }
    inside.pipe(outside);
    outside.on("data", (chunk: Buffer) => {
      if (!swallow) inside.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    swallow = false;
    for (const socket of sockets) socket.destroy();
  };
  t.after(() => {
    cut();
    server.close();
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    get accepted() {
      return accepted;
    },
    cut,
    get open() {
      return open;
    },
    set open(value) {
      open = value;
    },
    swallowReplies: () => {
      swallow = true;
    },
  };
}
