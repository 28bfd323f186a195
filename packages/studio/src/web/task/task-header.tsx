import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { BranchIcon, ErrorNotice, StopIcon, useAnnounce } from "@holdfast/web-parts";
import { useMutation } from "@tanstack/react-query";
import { useEffect } from "react";
import type { TaskView } from "../../contract.ts";
import { baseName } from "../shared/base-name.ts";
import { useApi } from "../shared/context.ts";
import { Offer } from "../shared/ownership/offer.tsx";
import { isBusy, StatusPill, UnsafeMark } from "../shared/status.tsx";
import { ForkSecrets } from "./fork-secrets.tsx";
import { Labels } from "./labels.tsx";
import { Owner } from "./ownership/owner.tsx";
import { SandboxLink } from "./sandbox-link.tsx";
import { StackChain, StackOnButton, StackState } from "./stack/stack.tsx";
import { WatchButton } from "./watch-button.tsx";

export function TaskHeader({ task }: { readonly task: TaskView }) {
  const api = useApi();
  const announce = useAnnounce();
  const stop = useMutation({
    mutationFn: (_turns: readonly string[]) => api.task(task.id).stop(),
    onMutate: () => announce("Stopping."),
  });
  const busy = isBusy(task.status);
  const turns = task.sessions
    .filter(({ status }) => isBusy(status))
    .map(({ id, endedAt = 0 }) => `${id} ${endedAt}`);
  // Another turn may have begun before this page has seen the end of the one that was stopped.
  const isOver = !turns.some((turn) => stop.variables?.includes(turn));
  const { reset } = stop;
  useEffect(() => {
    if (isOver && !stop.isPending) reset();
  }, [isOver, reset, stop.isPending]);
  // Optimistic: the button shows the stop immediately, whatever the network does.
  const stopping = busy && (stop.isPending || stop.isSuccess);
  return (
    <header className="task-header">
      <div className="task-header-main">
        <h1>{visibleText(task.title)}</h1>
        <p className="task-meta">
          {stopping ? (
            <span className="status status-stopping">Stopping…</span>
          ) : (
            <StatusPill status={task.status} />
          )}
          {task.unsafe && <UnsafeMark />}
          <span title={task.repository}>{baseName(task.repository)}</span>
          {task.base.branch !== "" && (
            <span className="task-base" title={`Started from ${task.base.branch} at ${task.base.commit}`}>
              <BranchIcon />
              {task.base.branch} <code>{task.base.commit.slice(0, 8)}</code>
            </span>
          )}
          {task.fork !== undefined && (
            <a
              href={task.fork.webUrl}
              target="_blank"
              rel="noreferrer"
              title={`Started from the branch ${task.fork.branch} of a fork: code of people who may not write the repository`}
            >
              Fork {visibleText(task.fork.repository)} #{task.fork.number}
            </a>
          )}
          <span>{[...new Set(task.sessions.map(({ agent }) => agent))].join(", ")}</span>
          {task.startedBy !== undefined && <span>Started by {visibleText(task.startedBy.name)}</span>}
          {task.origin !== undefined && (
            <span className="task-origin" title={`Event ${task.origin.event} of group ${task.origin.group}`}>
              {task.origin.group}: {task.origin.topic}
              {task.origin.source === task.origin.topic ? "" : ` from ${task.origin.source}`}
            </span>
          )}
          {task.pullRequest !== undefined && (
            <a href={task.pullRequest.webUrl} target="_blank" rel="noreferrer">
              Pull request #{task.pullRequest.number}
              {task.pullRequest.state === "open" ? "" : `, ${task.pullRequest.state}`}
            </a>
          )}
          <StackOnButton task={task} />
          <SandboxLink task={task} />
          <WatchButton task={task} />
          <Owner task={task} />
          <Labels task={task} />
        </p>
      </div>
      {busy && (
        <button
          type="button"
          className="button button-stop"
          disabled={stopping}
          onClick={() => stop.mutate(turns)}
        >
          <StopIcon />
          {stopping ? "Stopping…" : task.openSessions === undefined ? "Stop" : "Stop all"}
        </button>
      )}
      {task.stack !== undefined && <StackChain task={task} stack={task.stack} />}
      {task.stack !== undefined && <StackState task={task} stack={task.stack} />}
      <Offer task={task} />
      {task.fork?.secrets === "asked" && <ForkSecrets task={task} fork={task.fork} />}
      {stop.isError && <ErrorNotice error={stop.error} title="The task was not stopped." />}
    </header>
  );
}
