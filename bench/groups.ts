import type { Scenario } from "./internal/scenario.ts";

/** Groups of scenarios by name, in the order in which they run. */
export const groups: Readonly<Record<string, () => Promise<readonly Scenario[]>>> = {
  actors: async () => (await import("./actors/index.ts")).scenarios,
  sandbox: async () => (await import("./sandbox/index.ts")).scenarios,
  desktop: async () => (await import("./desktop/index.ts")).scenarios,
  cluster: async () => (await import("./cluster/index.ts")).scenarios,
  gate: async () => (await import("./gate/index.ts")).scenarios,
};
