import { askControl } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { nodeOf, openVault } from "@holdfast/gate";
import { type CommandNode, type CommandVault, remoteGateCalls } from "../../gate-state/gate-calls.ts";

/** The vault of a data directory: its files, or that of all nodes where it belongs to a node of a cluster. */
export function vaultOf(dataDirectory: string): CommandVault {
  return remoteOf(dataDirectory) ?? openVault(dataDirectory);
}

/** The running node that a data directory belongs to; undefined for one machine. */
export function gateNodeOf(dataDirectory: string): CommandNode | undefined {
  return remoteOf(dataDirectory);
}

/** Each call throws `vault.node_not_running` if the node is not running. */
function remoteOf(dataDirectory: string): (CommandVault & CommandNode) | undefined {
  const node = nodeOf(dataDirectory);
  if (node === undefined) return undefined;
  return remoteGateCalls(async (call, args) => {
    const answer = await askControl<{ result: unknown }>(dataDirectory, "/gate", { call, args });
    if (answer !== undefined) return answer.result ?? undefined;
    throw new HoldfastError(
      "vault",
      "node_not_running",
      `The data directory ${dataDirectory} belongs to the node ${node} of a cluster, which is not running. Its secrets and ` +
        "rules are in the store that all nodes share: start it, or run the command beside another node",
      { statusCode: 503 },
    );
  });
}
