import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installAgent } from "@holdfast/sandbox";

/** Kept between runs; `installAgent` leaves it alone while the pinned versions are there. */
export const agentsDirectory = join(fileURLToPath(new URL("../../..", import.meta.url)), ".cache", "agents");

/** Installs the agents from the npm registry where they are missing; returns their directory. */
export async function installedAgents(...ids: readonly string[]): Promise<string> {
  for (const id of ids) await installAgent(id, agentsDirectory);
  return agentsDirectory;
}
