/** Sandbox server, which runs beside an agent: composition, options, limits. @module */
export { type AgentLocation, findAgent, withoutNodeModulesBins } from "./agents/find.ts";
export {
  type InstallArtifact,
  type InstalledAgent,
  type InstallOptions,
  installAgent,
} from "./agents/install.ts";
export type {
  AgentCapabilities,
  AgentConfigOption,
  AgentFile,
  AgentQuirks,
  AgentRow,
  AgentSetup,
  AgentStart,
  CredentialProvider,
  ModelEndpoint,
  ModelWire,
} from "./agents/row.ts";
export {
  agentTable,
  type CustomAgent,
  customAgent,
  demoAgent,
  demoEntry,
  sandboxAgents,
} from "./agents/table.ts";
export { type Credential, redactKey } from "./credentials/credential.ts";
export { type Credentials, type DetectOptions, detectCredentials } from "./credentials/detect.ts";
export type { BrowserNetwork } from "./desktop/apps/browsers.ts";
export { missingPrograms as missingDesktopPrograms } from "./desktop/display/programs.ts";
export type { DesktopTools } from "./desktop/tools/local-tools.ts";
export { desktopToolNames } from "./desktop/tools/names.ts";
export type { CorsOptions } from "./http/cors.ts";
export { defaultLimits, type SandboxLimits } from "./limits.ts";
export { mountNativePackages, type PackageMounts } from "./native-packages.ts";
export type { Listen, SandboxServer, SandboxServerOptions } from "./options.ts";
export { openTunnel, type TunnelRoute } from "./processes/supervision/open-tunnel.ts";
export {
  forwardRequest,
  forwardUpgrade,
  type PreviewedPort,
  parseCookies,
  previewCookie,
  refusePreview,
} from "./processes/supervision/preview-proxy.ts";
export { createSandboxServer } from "./lazy-server.ts";
export type {
  PermissionOption,
  PermissionPolicy,
  PermissionRequest,
  PermissionVerdict,
} from "./sessions/turns/policy.ts";
