import type { ProcessInfo } from "@holdfast/sandbox-client";
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { Empty, ErrorNotice, Loading, Status, TimeAgo } from "@holdfast/web-parts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { keys, portsQuery, processesQuery } from "../queries.ts";
import { type Port, useTaskSandbox } from "../task-sandbox.ts";
import { terminalLabel } from "./terminal-label.ts";

export interface ProcessesProps {
  readonly mayWrite: boolean;
  readonly onPreview: (port: number) => void;
}

/** Processes that run in the sandbox, and the ports that they listen on. */
export function Processes({ mayWrite, onPreview }: ProcessesProps) {
  const sandbox = useTaskSandbox();
  const { data, error, refetch } = useQuery(processesQuery(sandbox));
  const ports = useQuery(portsQuery(sandbox)).data ?? [];
  if (data === undefined) {
    return error === null ? (
      <Loading label="Loading the processes" />
    ) : (
      <ErrorNotice error={error} onRetry={() => void refetch()} />
    );
  }
  const terminals = data.filter(({ tty }) => tty);
  const running = data.filter(({ status }) => status === "running");
  const agents = Map.groupBy(
    ports.filter(({ processId }) => processId === undefined),
    ({ pid }) => pid,
  );
  if (running.length === 0 && agents.size === 0) {
    return (
      <Empty title="Nothing runs">
        Terminals, what is started in them, and servers that the agent starts are listed here.
      </Empty>
    );
  }
  const shown = { onPreview: mayWrite ? onPreview : undefined };
  return (
    <ul className="processes" aria-label="Processes">
      {running.map((process) => (
        <ProcessRow
          key={process.id}
          process={process}
          name={
            process.tty
              ? terminalLabel(process, terminals.indexOf(process))
              : visibleText([process.command, ...process.args].join(" "))
          }
          mayStop={mayWrite}
        >
          <Ports ports={ports.filter(({ processId }) => processId === process.id)} {...shown} />
        </ProcessRow>
      ))}
      {[...agents].map(([pid, listened]) => (
        <li key={pid} className="process-row">
          <span className="process-command mono">
            {visibleText(listened[0]?.command ?? `Process ${pid}`)}
          </span>
          <span className="muted small">started by the agent</span>
          <Ports ports={listened} {...shown} />
        </li>
      ))}
    </ul>
  );
}

function Ports({
  ports,
  onPreview,
}: {
  readonly ports: readonly Port[];
  /** Absent for a person who may only look on. */
  readonly onPreview: ((port: number) => void) | undefined;
}) {
  // A server may listen on several addresses.
  const byPort = Map.groupBy(ports, ({ port }) => port);
  return [...byPort].map(([port, listened]) => (
    <span key={port} className="process-port">
      <span className="tag" title={`Listens on ${listened.map(({ address }) => address).join(" and ")}`}>
        port {port}
      </span>
      {onPreview !== undefined && (
        <button
          type="button"
          className="button button-small"
          aria-label={`Preview port ${port}`}
          onClick={() => onPreview(port)}
        >
          Preview
        </button>
      )}
    </span>
  ));
}

function ProcessRow({
  process,
  name,
  mayStop,
  children,
}: {
  readonly process: ProcessInfo;
  readonly name: string;
  readonly mayStop: boolean;
  readonly children: ReactNode;
}) {
  const sandbox = useTaskSandbox();
  const queries = useQueryClient();
  const stop = useMutation({
    mutationFn: () => sandbox.stop(process.id),
    onSettled: () => queries.invalidateQueries({ queryKey: keys.processes(sandbox.taskId) }),
  });
  return (
    <li className="process-row">
      <span className="process-command mono">{name}</span>
      <Status kind="running" label="Running" />
      <span className="muted small">
        <TimeAgo at={process.createdAtMs} />
      </span>
      {children}
      {mayStop && (
        <button
          type="button"
          className="button button-small"
          aria-label={`Stop ${name}`}
          disabled={stop.isPending}
          onClick={() => stop.mutate()}
        >
          Stop
        </button>
      )}
      {stop.isError && <ErrorNotice error={stop.error} title="It was not stopped." />}
    </li>
  );
}
