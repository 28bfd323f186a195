import type { ControlState, Fault } from "../control.ts";
import { inject, useControl } from "./control.ts";

type Node = ControlState["nodes"][number];

/** The three nodes, each with its faults. */
export function Nodes() {
  const control = useControl();
  if (control === undefined) return <p className="muted">The nodes start.</p>;
  return (
    <section aria-label="Nodes" className="nodes">
      {control.nodes.map((node) => (
        <NodeCard key={node.name} node={node} control={control} />
      ))}
    </section>
  );
}

function NodeCard({ node, control }: { readonly node: Node; readonly control: ControlState }) {
  const { name, pid, shards, expiresInMs } = node;
  const isUp = node.state === "running" || node.state === "frozen";
  const total = Math.max(1, control.shards);
  return (
    <article className="card node" aria-label={name} data-state={node.state}>
      <header>
        <h2>{name}</h2>
        <span className={`state state-${stateOf(node).kind}`}>{stateOf(node).text}</span>
      </header>
      <dl>
        <dt>Actors</dt>
        <dd>
          <meter min={0} max={total} value={shards ?? 0} aria-label={`Shards of ${name}`} />
          {shards === undefined ? "unknown" : `${shards} shards`}
        </dd>
        <dt>Session</dt>
        <dd>{sessionOf(expiresInMs)}</dd>
        <dt>Process</dt>
        <dd>{pid ?? "none"}</dd>
      </dl>
      <div className="buttons">
        <FaultButton node={name} fault="kill" isOn={isUp} label="Kill -9" isHarsh />
        {node.state === "frozen" ? (
          <FaultButton node={name} fault="thaw" isOn label="Thaw" />
        ) : (
          <FaultButton node={name} fault="freeze" isOn={node.state === "running"} label="Freeze" />
        )}
        {node.isCutFromDatabase ? (
          <FaultButton node={name} fault="heal-database" isOn label="Mend database link" />
        ) : (
          <FaultButton node={name} fault="cut-database" isOn={isUp} label="Cut database link" />
        )}
        {node.isCutFromNodes ? (
          <FaultButton node={name} fault="heal-nodes" isOn label="Mend node links" />
        ) : (
          <FaultButton node={name} fault="cut-nodes" isOn={isUp} label="Cut node links" />
        )}
        <FaultButton
          node={name}
          fault="drain"
          isOn={node.state === "running" && !node.isDraining}
          label="Drain"
        />
        {node.state === "stopped" ? (
          <FaultButton node={name} fault="start" isOn label="Start" />
        ) : (
          <FaultButton node={name} fault="stop" isOn={node.state === "running"} label="Stop" />
        )}
      </div>
    </article>
  );
}

function FaultButton(props: {
  readonly node: string;
  readonly fault: Fault;
  readonly label: string;
  readonly isOn: boolean;
  readonly isHarsh?: boolean;
}) {
  const { node, fault, label, isOn, isHarsh = false } = props;
  return (
    <button
      type="button"
      className={isHarsh ? "button button-stop" : "button"}
      disabled={!isOn}
      onClick={() => void inject(node, fault)}
    >
      {label}
    </button>
  );
}

function stateOf(node: Node): { readonly kind: "ok" | "warning" | "danger"; readonly text: string } {
  switch (node.state) {
    case "starting":
      return { kind: "warning", text: "Starting" };
    case "stopping":
      return { kind: "warning", text: "Handing over" };
    case "stopped":
      return { kind: "danger", text: "Not running" };
    case "frozen":
      return { kind: "danger", text: "Frozen" };
    case "running": {
      if (node.isCutFromDatabase) return { kind: "danger", text: "No database" };
      if (node.isCutFromNodes) return { kind: "warning", text: "Alone" };
      if (node.isDraining) return { kind: "warning", text: node.shards === 0 ? "Drained" : "Handing over" };
      return { kind: node.isReady ? "ok" : "warning", text: node.isReady ? "Serving" : "Not ready" };
    }
  }
}

function sessionOf(expiresInMs: number | undefined): string {
  if (expiresInMs === undefined) return "none";
  if (expiresInMs < 0) return "expired: others take its actors";
  return `${(expiresInMs / 1_000).toFixed(1)} s left`;
}
