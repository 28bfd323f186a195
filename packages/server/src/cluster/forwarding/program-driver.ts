import type { ActorTarget, ClientDriver } from "@holdfast/client";
import type { Directory } from "../../directory/directory.ts";
import type { Cluster } from "../node/cluster.ts";
import { ClusterDriver } from "./cluster-driver.ts";

export interface ProgramDriverOptions {
  /** The cluster, once this node has joined. */
  readonly joined: () => Cluster | undefined;
  /** Opens the store and joins, unless that is done. */
  readonly directory: () => Promise<Directory>;
}

/** Calls of the program itself on a node, which may come before the store is open. */
export function programDriver(
  local: ClientDriver,
  { joined, directory }: ProgramDriverOptions,
): ClientDriver {
  let remote: { readonly cluster: Cluster; readonly driver: ClientDriver } | undefined;
  const placement = {
    locate: (target: ActorTarget) => {
      const cluster = joined();
      return cluster === undefined
        ? directory().then((opened) => opened.cluster?.locate(target))
        : cluster.locate(target);
    },
  };
  return new ClusterDriver({
    ...{ placement, local, caller: undefined },
    remote: () => {
      const cluster = joined();
      if (cluster === undefined) return local;
      if (remote?.cluster !== cluster) remote = { cluster, driver: cluster.remoteDriver() };
      return remote.driver;
    },
  });
}
