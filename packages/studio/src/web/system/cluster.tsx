import { ConfirmButton, ErrorNotice, Loading, Status, type StatusKind } from "@holdfast/web-parts";
import { formatCount, formatDuration } from "@holdfast/web-parts/format";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { clusterQuery, drainNode, type NodeView } from "./cluster-query.ts";

/** The nodes of the cluster, each with its share of the actors. */
export function Cluster() {
  const cluster = useQuery(clusterQuery());
  return (
    <section className="cluster" aria-labelledby="cluster-heading">
      <h2 id="cluster-heading">
        Nodes{" "}
        {cluster.data !== undefined && (
          <span className="muted">
            {formatCount(cluster.data.shards)} shards of actors
            {cluster.data.scopes.length > 0 && `, apart for ${cluster.data.scopes.join(", ")}`}
          </span>
        )}
      </h2>
      {cluster.isPending && <Loading label="Loading the nodes" />}
      {cluster.isError && <ErrorNotice error={cluster.error} onRetry={() => void cluster.refetch()} />}
      {cluster.data !== undefined && (
        <ul className="rows">
          {cluster.data.nodes.map((node) => (
            <NodeRow
              key={node.id}
              node={node}
              isThis={node.id === cluster.data.node}
              servesAll={cluster.data.nodes.every((each) =>
                each.serves.every((name) => node.serves.includes(name)),
              )}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

interface NodeRowProps {
  readonly node: NodeView;
  readonly isThis: boolean;
  /** True if it serves all actors that any node serves. */
  readonly servesAll: boolean;
}

function NodeRow({ node, isThis, servesAll }: NodeRowProps) {
  const client = useQueryClient();
  const isGone = isExpired(node);
  const drain = async (): Promise<void> => {
    await drainNode(node.id);
    await client.invalidateQueries({ queryKey: ["cluster"] });
  };
  return (
    <li className="row" data-node={node.id}>
      <div className="row-main">
        <p className="row-title">
          {node.id} {isThis && <span className="muted small">this page</span>}
        </p>
        <p className="muted">
          {[
            node.address,
            `version ${node.version}`,
            ...(node.zone === "" ? [] : [`zone ${node.zone}`]),
            servesAll ? "serves all actors" : `serves ${node.serves.join(", ")}`,
          ].join(" · ")}
        </p>
      </div>
      <div className="row-side">
        <Status {...statusOf(node)} />
        <p className="muted small">
          {formatCount(node.shards)} shards,{" "}
          {isGone
            ? `silent for ${formatDuration(-node.expiresInMs)}`
            : `session for ${formatDuration(node.expiresInMs)}`}
        </p>
      </div>
      <ConfirmButton
        label="Drain"
        accessibleLabel={`Drain ${node.id}`}
        title={`Drain ${node.id}?`}
        confirmLabel="Drain"
        disabled={isGone || node.draining}
        onConfirm={drain}
      >
        <p>It hands over its actors and tasks, and takes no new ones until it is restarted.</p>
      </ConfirmButton>
    </li>
  );
}

function statusOf(node: NodeView): { readonly kind: StatusKind; readonly label: string } {
  if (isExpired(node)) return { kind: "failed", label: "Expired" };
  if (!node.draining) return { kind: "running", label: "Serving" };
  return node.shards > 0 ? { kind: "preparing", label: "Draining" } : { kind: "stopped", label: "Drained" };
}

/** True once its session has ended: others take over its actors. */
function isExpired({ expiresInMs }: NodeView): boolean {
  return expiresInMs < 0;
}
