export { Directory, type DirectoryOptions, type Done } from "./directory.ts";
export type { Listening } from "./gateway/listen.ts";
export type { AccessInfo, GatewayOptions } from "./gateway/options.ts";
export { serverLimits } from "./limits.ts";
export { LocalDriver } from "./local-driver.ts";
export {
  createRegistry,
  type Definitions,
  type ListenOptions,
  Registry,
  type RegistryConfig,
} from "./registry.ts";
