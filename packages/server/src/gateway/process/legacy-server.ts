import { createRequire } from "node:module";
import { HoldfastError } from "@holdfast/core";
import type { Hono } from "hono";
import type { FetchApplication } from "../application.ts";
import { portFromEnvironment } from "./environment.ts";
import type { Listening } from "./listen.ts";

/** The return value of `registry.createServer()`, an API of version 0.9. */
export interface LegacyServer<Client> {
  /** A client in this process. */
  readonly client: Client;
  /**
   * Listens with the registry at `/registry` and at the root, and with `app` for all other paths: on HOLDFAST_PORT,
   * PORT, or 8080.
   */
  serve(app?: FetchApplication): Promise<Listening>;
  /**
   * Routes to mount in an app: `app.route("/registry", hono)`. Throws `gateway.hono_missing` when Hono
   * is not installed.
   */
  readonly hono: Hono;
}

interface Host {
  handler(request: Request): Promise<Response>;
  listen(options: { readonly port: number; readonly application?: FetchApplication }): Promise<Listening>;
}

const defaultPort = 8080;

export function legacyServer<Client>(client: Client, host: Host): LegacyServer<Client> {
  return {
    client,
    serve: (app) =>
      host.listen({
        port: portFromEnvironment(portFromEnvironment(defaultPort, "PORT")),
        ...(app === undefined ? {} : { application: app }),
      }),
    get hono() {
      const app = new (loadHono())();
      return app.all("*", (c) => host.handler(c.req.raw));
    },
  };
}

/** Hono is an optional dependency of the user's program. */
function loadHono(): typeof Hono {
  try {
    const module = createRequire(import.meta.url)("hono") as { readonly Hono: typeof Hono };
    return module.Hono;
  } catch (cause) {
    throw new HoldfastError("gateway", "hono_missing", "Install hono to use createServer().hono", { cause });
  }
}
