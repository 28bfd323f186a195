export { type AgentLocation, findAgent } from "./agents/find.ts";
export { type InstalledAgent, type InstallOptions, installAgent } from "./agents/install.ts";
export type {
  AgentCapabilities,
  AgentFile,
  AgentQuirks,
  AgentRow,
  AgentSetup,
  AgentStart,
  ModelEndpoint,
  ModelWire,
} from "./agents/row.ts";
export { agentTable, type CustomAgent, customAgent, demoAgent, demoEntry } from "./agents/table.ts";
export type { CorsOptions } from "./http/cors.ts";
export { defaultLimits, type SandboxLimits } from "./limits.ts";
export type { Listen, SandboxServer, SandboxServerOptions } from "./options.ts";
export { createSandboxServer } from "./server.ts";
