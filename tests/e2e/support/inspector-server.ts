import { fileURLToPath } from "node:url";
import { silentLogger, systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { Guard } from "../../../packages/studio/src/access/guard.ts";
import { Logins } from "../../../packages/studio/src/http/logins.ts";
import { createRoutes } from "../../../packages/studio/src/http/routes.ts";
import { inspectedActors } from "./inspector-actors.ts";

const webDirectory = fileURLToPath(new URL("../../../packages/studio/dist/web", import.meta.url));

const refuse = () => Promise.reject(new Error("Sign-in is not supported here"));

/**
 * The Studio's web app and its gateway over actors that have something to show. Callers of this machine
 * may manage them, as the gateway has it where nothing is set.
 */
export async function startInspectorServer(directory: string, port = 0) {
  const ports = systemPorts(silentLogger);
  const registry = createRegistry({
    use: inspectedActors,
    ports,
    store: () => openSqliteStore({ path: directory, ports }),
    gateway: webGateway(directory),
  });
  await registry.client.organization.getOrCreate(["local"]).listTasks();
  const listening = await registry.listen({ port });
  return {
    url: listening.url,
    port: listening.port,
    client: registry.client,
    close: () => registry.shutdown(),
  };
}

export type InspectorServer = Awaited<ReturnType<typeof startInspectorServer>>;

/** The web app as a gateway serves it, without a login. */
export function webGateway(directory: string) {
  const logins = new Logins({
    backend: { addTicket: refuse, exchange: refuse, check: refuse, end: refuse },
    identity: directory,
    now: () => 0,
  });
  return {
    fallback: createRoutes({
      guard: new Guard(logins.identify),
      logins,
      webDirectory,
      inspectorDirectory: webDirectory,
      // No task runs here, so none has a sandbox.
      recordSignIn: async () => {},
      sandbox: () => undefined,
      log: silentLogger,
    }),
  };
}
