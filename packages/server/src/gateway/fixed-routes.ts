import { healthBody } from "../health.ts";
import type { GatewayOptions } from "./options.ts";

/** A path whose answer has nothing to do with an actor. */
export interface FixedRoute {
  readonly contentType: string;
  body(): string | Promise<string>;
}

/** The paths beside those of actors, by what they are below the mount of the gateway. */
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
