import { HoldfastError } from "@holdfast/core";
import type { Studio, StudioOptions } from "./studio.ts";

/**
 * Composes gate, store, actors, gateway and the web app, and starts to listen.
 *
 * Errors: `server.port_in_use`, `server.data_directory_locked`, `jail.unavailable` never (the Studio
 * starts without jails and says so in its system status; agents do not).
 */
export async function createStudio(options: StudioOptions): Promise<Studio> {
  throw new HoldfastError("studio", "not_ready", `Nothing is served from ${options.dataDirectory} yet`);
}
