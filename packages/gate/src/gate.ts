import { HoldfastError } from "@holdfast/core";
import type { Gate, GateConfig } from "./config.ts";

/**
 * The only composition root: what the CLI, the Studio and every security test start.
 * Throws `jail.unavailable`, `jail.unsafe_not_allowed`, `gate.already_open`, `audit.corrupt`.
 */
export async function createGate(config: GateConfig): Promise<Gate> {
  throw new HoldfastError("gate", "not_built", `The gate for ${config.dataDir} is not built yet`);
}
