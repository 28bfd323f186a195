import { HoldfastError, version } from "@holdfast/core";
import type { Directory } from "../../directory/directory.ts";
import { NodeGateway } from "../../gateway/http/node-gateway.ts";
import type { GatewayOptions } from "../../gateway/options.ts";
import { monotonicMs } from "../../gateway/process/monotonic.ts";
import { answerRunning, type RunningQuestion } from "../../management/running.ts";
import { stateVersionsOf } from "../state-versions.ts";
import type { StoreClock } from "../store-clock.ts";
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
  clock: StoreClock,
): Cluster {
  const { store, ports } = directory;
  const { cluster } = store;
  if (cluster === undefined) throw storeNotShared();
  return new Cluster(options, {
    ...{ store, leases: cluster, ports, version, clock },
    // The node that a client has reached has checked its Host, and found the path below a mount path of its own.
    clients: new NodeGateway(directory, { ...gateway, anyHost: true, basePath: "anywhere" }),
    internal: new NodeGateway(directory, {
      ...{ anyHost: true, isInternal: true, origins: ["*"] },
      ...(gateway.nodeFallback && { fallback: gateway.nodeFallback }),
      ...(gateway.nodeFallbackUpgrade && { fallbackUpgrade: gateway.nodeFallbackUpgrade }),
    }),
    monotonic: monotonicMs,
    wall: Date.now,
    namespaces: directory.namespaces.prefixes,
    bareName: (name) => directory.namespaces.bare(name),
    maxMessageBytes: directory.messageLimits.maxIncomingBytes,
    actors: [...directory.definitions.keys()],
    stateVersions: stateVersionsOf(directory.definitions),
    moveConnections: (isMoved) => directory.moveConnections(isMoved),
    release: () => directory.release(),
    answer: (question) => answerRunning(directory, question as RunningQuestion),
    gained: () => directory.alarms.look(),
    due: (at) => directory.alarms.expect(at),
  });
}

function storeNotShared(): HoldfastError {
  const message =
    'A cluster needs a store that its nodes share. Set "store" or HOLDFAST_STORE to the URL of a PostgreSQL or Redis server';
  return new HoldfastError("cluster", "store_not_shared", message, { statusCode: 400 });
}
