import { healthBody } from "../health.ts";
import type { GatewayOptions } from "./options.ts";

/** A path that does not belong to an actor. */
export interface FixedRoute {
  readonly contentType: string;
  /** 200 by default. */
  status?(): number;
  body(): string | Promise<string>;
}

/** The fixed paths, relative to the mount path of the gateway. */
export function fixedRoutes(
  options: GatewayOptions,
  isReady: () => boolean,
  outages: () => readonly string[],
): ReadonlyMap<string, FixedRoute> {
  const { metadata } = options;
  const routes = new Map<string, FixedRoute>();
  routes.set("/health", { contentType: json, body: () => JSON.stringify(healthBody("ok")) });
  // For orchestrators: the process runs, and it should get requests.
  routes.set("/livez", { contentType: text, body: () => "ok\n" });
  routes.set("/readyz", {
    contentType: text,
    status: () => (isReady() ? 200 : 503),
    body: () =>
      [isReady() ? "ok" : "not ready", ...outages().map((name) => `${name} cannot be reached`), ""].join(
        "\n",
      ),
  });
  if (metadata !== undefined) {
    routes.set("/metadata", { contentType: json, body: () => JSON.stringify(metadata()) });
  }
  return routes;
}

const json = "application/json";
const text = "text/plain; charset=utf-8";
