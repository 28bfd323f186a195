/** Server of many actors: the registry, its limits and shutdown. */
export { ClusterDriver } from "./cluster/forwarding/cluster-driver.ts";
export { LinkLost, Misdirected } from "./cluster/link-lost.ts";
export { ClusterMember } from "./cluster/member.ts";
export { clusterOptions } from "./cluster/node/cluster-options.ts";
export type { DirectoryCluster } from "./cluster/node/directory-cluster.ts";
export type { NodeConnections } from "./cluster/node/node-connections.ts";
export type { ClusterOptions } from "./cluster/node/options.ts";
export {
  bucketUrl,
  cacheFolders,
  describeDatabases,
  importStorePackage,
  postgresUrls,
  redisUrl,
  refuseBucket,
  type SharedStore,
  serverKind,
  sharedStore,
} from "./cluster/node/shared-store.ts";
export type { NodeAddress } from "./cluster/placement.ts";
export type { ServerlessOptions, ServerlessPoolOptions } from "./cluster/serverless/options.ts";
export { addressHash, createDueFilter } from "./cluster/shards.ts";
export { stateVersionsOf } from "./cluster/state-versions.ts";
export type { NatsOptions } from "./cluster/wakeups/nats-options.ts";
export { alarmPollMs, Wakeups } from "./cluster/wakeups/wakeups.ts";
export { Directory, type DirectoryOptions, type Done } from "./directory/directory.ts";
export type { FetchApplication } from "./gateway/application.ts";
export type { NodeGateway } from "./gateway/http/node-gateway.ts";
export type { AccessInfo, GatewayOptions } from "./gateway/options.ts";
export { exposesErrors } from "./gateway/process/environment.ts";
export type { LegacyServer } from "./gateway/process/legacy-server.ts";
export { type Listening, listen } from "./gateway/process/listen.ts";
export type { UpgradingServer } from "./gateway/sockets/upgrades.ts";
export { serverLimits } from "./limits.ts";
export type { LocalConnection } from "./local/local-connection.ts";
export { clientOfActor, LocalDriver } from "./local/local-driver.ts";
export type { InspectorOptions, ManageInfo } from "./management/access.ts";
export type { NamespaceOptions, NamespacesOptions } from "./namespaces/namespaces.ts";
export { ClusterMetrics } from "./observe/cluster-metrics.ts";
export { createRegistry, Registry } from "./registry.ts";
export type { Definitions, FetchHandler, ListenOptions, RegistryConfig } from "./registry-config.ts";
export type { ShutdownOptions } from "./shutdown.ts";
