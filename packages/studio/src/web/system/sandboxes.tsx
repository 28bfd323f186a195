import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useNow, WarningIcon } from "@holdfast/web-parts";
import { formatBytes, formatCount, formatDuration } from "@holdfast/web-parts/format";
import { Link } from "@tanstack/react-router";
import type { SandboxView, SystemStatus } from "../../contract.ts";

/** What runs now: agents, checks, steps of environments, with what each uses. */
export function Sandboxes({ sandboxes, unanswered }: Pick<SystemStatus, "sandboxes" | "unanswered">) {
  const now = useNow(5_000);
  return (
    <section className="sandboxes" aria-labelledby="sandboxes-heading">
      <h2 id="sandboxes-heading">
        Sandboxes{" "}
        <span className="muted">
          {sandboxes.length === 0 ? "none is running" : `${formatCount(sandboxes.length)} running`}
        </span>
      </h2>
      {unanswered !== undefined && (
        <p className="sandboxes-unanswered" role="status">
          <WarningIcon />
          <span>{missingFrom(unanswered)}</span>
        </p>
      )}
      {sandboxes.length > 0 && (
        <ul className="rows">
          {sandboxes.map((sandbox) => (
            <li key={`${sandbox.node ?? ""} ${sandbox.id}`} className="row" data-sandbox={sandbox.id}>
              <div className="row-main">
                <p className="row-title">
                  {sandbox.task === undefined ? (
                    sandbox.id.startsWith("environment-") ? (
                      "A step of an environment"
                    ) : (
                      <code>{visibleText(sandbox.id)}</code>
                    )
                  ) : (
                    <Link to="/tasks/$taskId" params={{ taskId: sandbox.task.id }}>
                      {visibleText(sandbox.task.title)}
                    </Link>
                  )}
                </p>
                <p className="muted">{usageOf(sandbox, now).join(" · ")}</p>
              </div>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** Other organizations than the first one read no names of nodes. */
function missingFrom(nodes: readonly string[]): string {
  if (nodes.length === 0) return "A node does not answer. What runs there is missing here.";
  const names = nodes.map((node) => visibleText(node)).join(", ");
  return `No answer from ${names}: what runs there is missing here.`;
}

function usageOf(sandbox: SandboxView, now: number): readonly string[] {
  const { node, startedAt, memoryBytes, pids, diskBytes } = sandbox;
  return [
    ...(node === undefined ? [] : [`on ${visibleText(node)}`]),
    `for ${formatDuration(Math.max(0, now - startedAt))}`,
    ...(memoryBytes === undefined ? [] : [`${formatBytes(memoryBytes)} of memory`]),
    ...(pids === undefined ? [] : [`${formatCount(pids)} ${pids === 1 ? "process" : "processes"}`]),
    ...(diskBytes === undefined ? [] : [`${formatBytes(diskBytes)} of files`]),
  ];
}
