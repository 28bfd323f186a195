import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useNow } from "@holdfast/web-parts";
import { formatBytes, formatCount, formatDuration } from "@holdfast/web-parts/format";
import { Link } from "@tanstack/react-router";
import type { SandboxView } from "../../contract.ts";

/** What runs now: agents, checks, steps of environments, with what each uses. */
export function Sandboxes({ sandboxes }: { readonly sandboxes: readonly SandboxView[] }) {
  const now = useNow(5_000);
  return (
    <section className="sandboxes" aria-labelledby="sandboxes-heading">
      <h2 id="sandboxes-heading">
        Sandboxes{" "}
        <span className="muted">
          {sandboxes.length === 0 ? "none is running" : `${formatCount(sandboxes.length)} running`}
        </span>
      </h2>
      {sandboxes.length > 0 && (
        <ul className="rows">
          {sandboxes.map((sandbox) => (
            <li key={sandbox.id} className="row" data-sandbox={sandbox.id}>
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

function usageOf({ startedAt, memoryBytes, pids, diskBytes }: SandboxView, now: number): readonly string[] {
  return [
    `for ${formatDuration(Math.max(0, now - startedAt))}`,
    ...(memoryBytes === undefined ? [] : [`${formatBytes(memoryBytes)} of memory`]),
    ...(pids === undefined ? [] : [`${formatCount(pids)} ${pids === 1 ? "process" : "processes"}`]),
    ...(diskBytes === undefined ? [] : [`${formatBytes(diskBytes)} of files`]),
  ];
}
