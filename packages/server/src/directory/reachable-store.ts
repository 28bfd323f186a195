import type { ActorStore } from "@holdfast/actors";
import type { DirectoryCluster } from "../cluster/node/directory-cluster.ts";

const lookUps: ReadonlySet<string | symbol> = new Set(["get", "find", "list", "count"]);

/** A store whose look-ups end when this process, as a node, loses the database: see `DirectoryCluster.reach`. */
export function reachableStore(
  store: ActorStore,
  cluster: () => Pick<DirectoryCluster, "reach"> | undefined,
): ActorStore {
  const methods = new Map<string | symbol, unknown>();
  return new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function" || !lookUps.has(property)) return value;
      let method = methods.get(property);
      if (method === undefined) {
        method = (...args: unknown[]) => {
          const reading = Reflect.apply(value, target, args) as Promise<unknown>;
          return cluster()?.reach(reading) ?? reading;
        };
        methods.set(property, method);
      }
      return method;
    },
  });
}
