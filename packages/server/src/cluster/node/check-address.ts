import type { NodeRecord } from "@holdfast/actors";
import { HoldfastError, isHoldfastError, type Logger } from "@holdfast/core";
import type { Links } from "../links/links.ts";

export interface AddressCheck {
  readonly self: { readonly id: string; readonly address: string };
  /** The nodes of the cluster. */
  readonly nodes: readonly NodeRecord[];
  readonly links: Pick<Links, "askReach">;
  readonly timeoutMs: number;
  readonly log: Logger;
}

/** Number of nodes that are asked: one that answers is enough to notice a wrong address. */
const maxAsked = 8;

/**
 * Asks running nodes whether they reach this one at its advertised address, before it takes actors. Throws
 * `cluster.address_unreachable` if all that answer cannot, and `cluster.certificate_refused` or
 * `cluster.secret_mismatch` if none answers because they do not trust it. If only some cannot, the log says which.
 */
export async function checkAddress({ self, nodes, links, timeoutMs, log }: AddressCheck): Promise<void> {
  const asked = nodes
    // A node that does not listen has not connected to this one yet.
    .filter(({ id, address, expiresInMs }) => id !== self.id && address !== "" && expiresInMs > 0)
    .sort((one, other) => other.expiresInMs - one.expiresInMs)
    .slice(0, maxAsked);
  const distrusts: HoldfastError[] = [];
  const answers: { readonly node: string; readonly reached: boolean; readonly reason?: string }[] = [];
  await Promise.all(
    asked.map(async (node) => {
      const answer = await links.askReach(node, self, timeoutMs);
      if (isHoldfastError(answer)) distrusts.push(answer);
      else if (answer !== undefined) answers.push({ node: node.id, ...answer });
    }),
  );
  const [distrust] = distrusts;
  if (distrust !== undefined && answers.length === 0) throw distrust;
  const failed = answers.filter(({ reached }) => !reached);
  if (failed.length === 0) return;
  if (failed.length === answers.length) {
    const [{ node, reason = "" } = { node: "" }] = failed;
    throw addressUnreachable(self.address, node, reason);
  }
  for (const { node, reason } of failed) {
    log.warn("another node cannot reach this one at its advertised address", {
      node,
      address: self.address,
      reason,
    });
  }
}

function addressUnreachable(address: string, node: string, reason: string): HoldfastError {
  const message = `The node "${node}" cannot reach this one at ${address} (${reason}). Set HOLDFAST_ADVERTISE to an address of this machine that the other nodes reach, and open its port to them`;
  return new HoldfastError("cluster", "address_unreachable", message, { metadata: { address, node } });
}
