import { createGate, type Gate, proofFileOfEnvironment } from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import type { StudioBackends } from "../backends.ts";
import { clusterKeys } from "../cluster/cluster-key.ts";
import { servesTasks } from "../cluster/node-settings.ts";
import { createSharedGate } from "../gate-state/shared-gate.ts";
import type { StudioParts } from "./parts.ts";

interface GateParts
  extends Pick<StudioParts, "options" | "dataDirectory" | "ports" | "inbox" | "localGate" | "groups"> {
  /** The actors, which can be called as soon as the Studio has started. */
  readonly backends: StudioBackends;
}

/** Opens the gate, on a node of a cluster with what its gates share. */
export async function openGate(parts: GateParts): Promise<Gate> {
  const { options, dataDirectory, ports, inbox, backends, localGate, groups } = parts;
  const unsafe = options.unsafeNoJail === true;
  const { cluster } = options;
  const shared =
    cluster &&
    createSharedGate({
      node: cluster.node ?? "",
      keys: await clusterKeys(options),
      client: () => backends.client,
      gate: localGate,
      groups: () => groups.list().map(({ name }) => name),
      log: ports.log,
    });
  // A command that looks at tasks has no jail to start.
  const proof = options.runTasks === false ? "first-jail" : "start";
  const gate = await createGate({
    dataDir: dataDirectory,
    jails: unsafe
      ? { driver: "none", allowUnsafe: true }
      : {
          ...proofFileOfEnvironment(),
          ...options.jails,
          ...{ whenUnavailable: "refuse", proof },
        },
    vault: { env: options.environment ?? process.env, ...options.vault },
    plugins: { builtInDirectory: pluginsDirectory, onEvent: inbox.acceptFromPlugin },
    ...(shared === undefined ? {} : { shared }),
    log: ports.log,
  });
  const { name, refusal } = gate.jails.driver;
  // Read-only commands need no jail, and a command that starts one task gets this as the task's error.
  const runsTasks = (options.runTasks ?? true) === true && servesTasks(options.cluster);
  if (refusal !== undefined && runsTasks)
    ports.log.warn("agents cannot start because jails are unavailable", {
      driver: name,
      reason: refusal.message,
    });
  return gate;
}
