export { Directory, type DirectoryOptions, type Done } from "./directory.ts";
export type { FetchApplication } from "./gateway/application.ts";
export { exposesErrors } from "./gateway/environment.ts";
export { type Listening, listen } from "./gateway/listen.ts";
export type { NodeGateway } from "./gateway/node-gateway.ts";
export type { AccessInfo, GatewayOptions } from "./gateway/options.ts";
export type { PredecessorServer } from "./gateway/predecessor.ts";
export type { UpgradingServer } from "./gateway/upgrades.ts";
export { serverLimits } from "./limits.ts";
export type { LocalConnection } from "./local-connection.ts";
export { LocalDriver } from "./local-driver.ts";
export type { InspectorOptions, ManageInfo } from "./management/access.ts";
export {
  createRegistry,
  type Definitions,
  type FetchHandler,
  type ListenOptions,
  Registry,
  type RegistryConfig,
} from "./registry.ts";
export type { ShutdownOptions } from "./shutdown.ts";
