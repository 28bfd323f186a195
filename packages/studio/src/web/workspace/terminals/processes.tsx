import type { ProcessInfo } from "@holdfast/sandbox-client";
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { Empty, ErrorNotice, Loading, Status, TimeAgo } from "@holdfast/web-parts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { keys, portsQuery, processesQuery } from "../queries.ts";
import { type Port, useTaskSandbox } from "../task-sandbox.ts";
import { terminalLabel } from "./terminal-label.ts";

/** Processes that were started in the sandbox beside the agent, and the ports that they listen on. */
export function Processes({ mayWrite }: { readonly mayWrite: boolean }) {
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
  if (running.length === 0) {
    return (
      <Empty title="Nothing runs">Terminals, and what else is started in the sandbox, are listed here.</Empty>
    );
  }
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
          ports={ports.filter(({ processId }) => processId === process.id)}
          mayWrite={mayWrite}
        />
      ))}
    </ul>
  );
}

function ProcessRow({
  process,
  name,
  ports,
  mayWrite,
}: {
  readonly process: ProcessInfo;
  readonly name: string;
  readonly ports: readonly Port[];
  readonly mayWrite: boolean;
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
      {ports.map(({ port, address }) => (
        <span
          key={`${address}:${port}`}
          className="tag"
          title={`Listens on ${address}, in the sandbox alone`}
        >
          port {port}
        </span>
      ))}
      {mayWrite && (
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
