import { systemPorts } from "@holdfast/core";
import {
  createRegistry,
  type Definitions,
  type Directory,
  type Registry,
  type RegistryConfig,
} from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { type AnyTestRegistry, type NodeSettings, TestCluster } from "./test-cluster.ts";
import { testStore } from "./test-store.ts";

const clusters = new WeakMap<AnyTestRegistry, TestCluster<AnyTestRegistry>>();

/**
 * A registry whose data belong to the directory. On SQLite, `make` creates it on its own store. On a cluster, `make`
 * creates three nodes; the registry is the one that runs no actors.
 */
export function testRegistry<R extends AnyTestRegistry>(
  directory: string,
  make: (node: NodeSettings | undefined) => R,
  ports = systemPorts(),
): R {
  if (testStore === "sqlite") return make(undefined);
  const cluster = new TestCluster(directory, ports, make);
  const gateway = cluster.createGateway();
  clusters.set(gateway, cluster);
  return gateway;
}

/** The same, with a registry of the server package. */
export function storedRegistry<const Actors extends Definitions>(
  directory: string,
  config: Omit<RegistryConfig<Actors>, "store" | "cluster">,
): Registry<Actors> {
  const { ports = systemPorts() } = config;
  const sqlite = { store: () => openSqliteStore({ path: directory, ports }) };
  return testRegistry(
    directory,
    (node) => createRegistry({ ...config, ports, ...(node ?? sqlite) } as RegistryConfig<Actors>),
    ports,
  );
}

/** The actors in memory, on all nodes of a registry. */
export interface TestActors {
  readonly size: number;
  /** Number of connections whose actors sleep. */
  readonly hibernating: number;
  isInMemory(id: string): boolean;
  /** Puts an actor to sleep, wherever it runs. */
  sleep(id: string): Promise<void>;
}

export async function actorsOf(registry: AnyTestRegistry): Promise<TestActors> {
  // The gateway first: it starts the others.
  const own = await registry.directory();
  const owners = clusters.get(registry)?.owners ?? [];
  const all = [own, ...(await Promise.all(owners.map((owner) => owner.directory())))];
  const sum = (count: (directory: Directory) => number): number =>
    all.reduce((total, directory) => total + count(directory), 0);
  return {
    get size() {
      return sum(({ size }) => size);
    },
    get hibernating() {
      return sum(({ hibernating }) => hibernating.size);
    },
    isInMemory: (id) => all.some((directory) => directory.isInMemory(id)),
    sleep: async (id) => {
      await Promise.all(all.map((directory) => directory.sleep(id)));
    },
  };
}
