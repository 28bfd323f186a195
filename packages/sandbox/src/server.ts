import { randomBytes } from "node:crypto";
import type { Server } from "node:http";
import { HoldfastError, silentLogger } from "@holdfast/core";
import { compose } from "./composition.ts";
import type { Dialler } from "./dial.ts";
import type { Router } from "./http/router.ts";
import { bindUnix, listenTcp } from "./internal/listen.ts";
import { createServer } from "./internal/node-http.ts";
import { limitsWith } from "./limits.ts";
import type { SandboxServer, SandboxServerOptions } from "./options.ts";

/** How long handlers whose client was cut off may take to end. */
const handlerPatienceMs = 2_000;

/**
 * Starts a sandbox server; resolves when it can be reached (in dial mode: when the host has taken a
 * connection). Throws `sandbox.remote_not_allowed` for a host that is not loopback without
 * `allowRemote`, and `sandbox.address_in_use` when something else listens there.
 */
export async function createSandboxServer(options: SandboxServerOptions): Promise<SandboxServer> {
  const log = options.log ?? silentLogger;
  const limits = limitsWith(options.limits);
  const token = tokenFor(options);
  const { router, start, stop } = await compose(options, token, limits, log);
  const server = createServer(
    { keepAlive: true, shouldUpgradeCallback: (request) => router.isSocketUpgrade(request) },
    (request, response) => void router.handle(request, response),
  );
  server.on("upgrade", (request, socket, head) => void router.upgrade(request, socket, head));
  server.on("connection", (socket) => socket.setNoDelay(true));
  // A body may be as long as it likes; what is bounded is how long headers take on a shared port.
  server.requestTimeout = 0;
  let url: string | undefined;
  let dialler: Dialler | undefined;
  try {
    if ("dial" in options.listen) {
      server.headersTimeout = 0;
      server.keepAliveTimeout = 0;
      const { Dialler: Connections } = await import("./dial.ts");
      const { dial, signal } = options.listen;
      dialler = new Connections(server, dial, log);
      await dialler.start(signal);
    } else if ("unix" in options.listen) {
      await bindUnix(server, options.listen.unix);
    } else {
      url = await listenTcp(server, options.listen);
    }
    start();
  } catch (error) {
    await closeAll(server, router, dialler, stop);
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    ...(url === undefined ? {} : { url }),
    ...(token === undefined ? {} : { token }),
    close: () => (closing ??= closeAll(server, router, dialler, stop)),
  };
}

function tokenFor(options: SandboxServerOptions): string | undefined {
  if (options.token !== undefined) {
    if (options.token === "")
      throw new HoldfastError("sandbox", "empty_token", "The token must not be empty");
    return options.token;
  }
  return "port" in options.listen && !options.unsafeNoToken
    ? randomBytes(24).toString("base64url")
    : undefined;
}

async function closeAll(
  server: Server,
  router: Router,
  dialler: Dialler | undefined,
  stop: () => Promise<void>,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Agents end first, so that their streams tell how; then nothing is left to wait for.
  await stop();
  await router.close();
  dialler?.stop();
  server.closeAllConnections();
  // Whoever was cut off puts away what was half made: temporary files, for one.
  await router.waitForIdle(handlerPatienceMs);
  if (!dialler) await closed;
}
