import { HoldfastError } from "@holdfast/core";
import type { Directory } from "../../directory/directory.ts";
import { NodeGateway } from "../../gateway/http/node-gateway.ts";
import type { GatewayOptions } from "../../gateway/options.ts";
import { monotonicMs } from "../../gateway/process/monotonic.ts";
import { version } from "../../limits.ts";
import { Cluster } from "./cluster.ts";
import type { ClusterOptions } from "./options.ts";

/**
 * Makes the actors of this process those of a node. Throws `cluster.store_not_shared`, `cluster.invalid_secret`,
 * `cluster.invalid_address`.
 */
export function createCluster(
  directory: Directory,
  options: ClusterOptions,
  gateway: GatewayOptions,
): Cluster {
  const { store, ports } = directory;
  const { cluster } = store;
  if (cluster === undefined) throw storeNotShared();
  return new Cluster(options, {
    ...{ store, leases: cluster, ports, version },
    // The node that a client has reached has checked its Host.
    clients: new NodeGateway(directory, { ...gateway, anyHost: true }),
    internal: new NodeGateway(directory, { anyHost: true, isInternal: true, origins: ["*"] }),
    monotonic: monotonicMs,
    actors: [...directory.definitions.keys()],
    release: (isReleased) => directory.hibernating.release(isReleased),
    gained: () => directory.alarms.look(),
  });
}

function storeNotShared(): HoldfastError {
  const message =
    'A cluster needs a store that its nodes share. Set "store" or HOLDFAST_STORE to the URL of a PostgreSQL server';
  return new HoldfastError("cluster", "store_not_shared", message, { statusCode: 400 });
}
