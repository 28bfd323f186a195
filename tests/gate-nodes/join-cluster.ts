/** Makes this process, which a test has forked, a node of a cluster with a gate: its environment says which. */
import { silentLogger, systemPorts } from "@holdfast/core";
import { ClusterKeys, createGate, type Gate, type GateConfig } from "@holdfast/gate";
import { clusterOptions, createRegistry, sharedStore } from "@holdfast/server";
import { createGateActors } from "../../packages/studio/src/gate-state/actors.ts";
import { LocalGate } from "../../packages/studio/src/gate-state/local-gate.ts";
import { createSharedGate } from "../../packages/studio/src/gate-state/shared-gate.ts";

export interface JoinedNode {
  readonly name: string;
  readonly gate: Gate;
  leave(): Promise<void>;
}

/** Joins with a gate without jails. */
export async function joinCluster(
  dataDir: string,
  ttlMs: number,
  config: Partial<GateConfig>,
): Promise<JoinedNode> {
  const ports = systemPorts(silentLogger);
  const cluster = clusterOptions({ ttlMs });
  if (cluster === undefined) throw new Error("the environment does not make this a node");
  const { node: name = "" } = cluster;
  const store = await sharedStore(process.env["HOLDFAST_STORE"] ?? "", {
    dataDirectory: `${dataDir}/cache`,
  }).open(ports);
  const local = new LocalGate();
  const use = createGateActors(ports, local);
  const registry = createRegistry({ use, store: () => store, ports, cluster });
  const gate = await createGate({
    dataDir,
    jails: { driver: "none", allowUnsafe: true },
    vault: { env: {}, logins: false },
    ...config,
    shared: createSharedGate({
      node: name,
      keys: ClusterKeys.parse(process.env["HOLDFAST_CLUSTER_KEY"] ?? ""),
      client: () => registry.client,
      gate: local,
      groups: () => ["alpha"],
      log: silentLogger,
    }),
  });
  await gate.join();
  await registry.listen({ port: 0 });
  return {
    ...{ name, gate },
    leave: async () => {
      await gate.leave();
      await registry.shutdown();
      await gate.close();
      await store.close();
    },
  };
}
