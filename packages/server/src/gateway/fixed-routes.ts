import { healthBody } from "../health.ts";
import type { GatewayOptions } from "./options.ts";

/** A path that does not belong to an actor. */
export interface FixedRoute {
  readonly contentType: string;
  body(): string | Promise<string>;
}

/** The fixed paths, relative to the mount path of the gateway. */
export function fixedRoutes(options: GatewayOptions): ReadonlyMap<string, FixedRoute> {
  const { metadata } = options;
  const routes = new Map<string, FixedRoute>();
  routes.set("/health", { contentType: json, body: () => JSON.stringify(healthBody("ok")) });
  if (metadata !== undefined) {
    routes.set("/metadata", { contentType: json, body: () => JSON.stringify(metadata()) });
  }
  return routes;
}

const json = "application/json";
