import { randomBytes } from "node:crypto";
import type { Server } from "node:http";
import { HoldfastError, silentLogger } from "@holdfast/core";
import { compose } from "./composition.ts";
import type { Dialler } from "./dial.ts";
import type { Router } from "./http/router.ts";
import { bindUnix, listenTcp } from "./internal/listen.ts";
import { createServer } from "./internal/node-http.ts";
import { resolveLimits } from "./limits.ts";
import type { SandboxServer, SandboxServerOptions } from "./options.ts";

/** How long close() waits for handlers whose client was disconnected. */
const handlerTimeoutMs = 2_000;

/**
 * Starts a sandbox server. Resolves when it is reachable; in dial mode, when the host has accepted a connection.
 * Throws `sandbox.remote_not_allowed` for a host other than loopback without `allowRemote`, and
 * `sandbox.address_in_use` if another program listens there.
 */
export async function createSandboxServer(options: SandboxServerOptions): Promise<SandboxServer> {
  const log = options.log ?? silentLogger;
  const limits = resolveLimits(options.limits);
  const token = tokenFor(options);
  const { router, start, stop } = await compose(options, token, limits, log);
  const server = createServer(
    { keepAlive: true, shouldUpgradeCallback: (request) => router.isSocketUpgrade(request) },
    (request, response) => void router.handle(request, response),
  );
  server.on("upgrade", (request, socket, head) => void router.upgrade(request, socket, head));
  // A connection inside of this process is not a socket.
  server.on("connection", (socket) => socket.setNoDelay?.(true));
  // Uploads may take any time. Only the headers have a timeout.
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
    desktopTools: async () => (await import("./desktop/tools/local-tools.ts")).localTools(server, token),
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
  // End the agents first, so that their streams report it. After that no stream is left to wait for.
  await stop();
  await router.close();
  dialler?.stop();
  server.closeAllConnections();
  // Interrupted handlers clean up, for example temporary files.
  await router.waitForIdle(handlerTimeoutMs);
  if (!dialler) await closed;
}
