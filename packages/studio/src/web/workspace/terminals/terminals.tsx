/** Terminals and processes in the sandbox. */
import type { ProcessInfo } from "@holdfast/sandbox-client";
import {
  appPart,
  ConfirmButton,
  Empty,
  ErrorNotice,
  Loading,
  PlusIcon,
  TabPanel,
  TabStrip,
} from "@holdfast/web-parts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { keys, processesQuery } from "../queries.ts";
import { useTaskSandbox } from "../task-sandbox.ts";
import { terminalLabel } from "./terminal-label.ts";

const TerminalView = lazy(appPart(() => import("./terminal-view.tsx")));

/** Terminals in the sandbox. They belong to the task: each person who may write sees the same ones. */
export function Terminals() {
  const sandbox = useTaskSandbox();
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery(processesQuery(sandbox));
  const [chosen, setChosen] = useState<string>();
  const refresh = () => queries.invalidateQueries({ queryKey: keys.processes(sandbox.taskId) });
  const open = useMutation({
    mutationFn: () => sandbox.openTerminal(),
    async onSuccess({ id }) {
      await refresh();
      setChosen(id);
    },
  });
  const terminals = (data ?? []).filter(({ tty }) => tty);
  const shown = terminals.find(({ id }) => id === chosen) ?? terminals.at(-1);
  return (
    <div className="terminals">
      <div className="terminals-head">
        {shown !== undefined && (
          <TabStrip
            label="Terminals"
            tabs={terminals.map((terminal, index) => ({
              id: terminal.id,
              label: terminalLabel(terminal, index),
            }))}
            tab={shown.id}
            onChange={setChosen}
          />
        )}
        <span className="terminals-actions">
          {shown !== undefined && <CloseTerminal key={shown.id} terminal={shown} onClosed={refresh} />}
          <button
            type="button"
            className="button button-small"
            disabled={open.isPending}
            onClick={() => open.mutate()}
          >
            <PlusIcon />
            New terminal
          </button>
        </span>
      </div>
      {open.isError && <ErrorNotice error={open.error} title="The terminal was not opened." />}
      {data === undefined && error === null && <Loading label="Loading the terminals" />}
      {data === undefined && error !== null && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data !== undefined && shown === undefined && (
        <Empty title="No terminal">
          A terminal runs in the sandbox of this task, beside the agent and with its access.
        </Empty>
      )}
      {shown !== undefined && (
        <TabPanel tab={shown.id} className="terminal-panel">
          <Suspense fallback={<Loading label="Loading the terminal" />}>
            <TerminalView key={shown.id} processId={shown.id} onExit={refresh} />
          </Suspense>
        </TabPanel>
      )}
    </div>
  );
}

function CloseTerminal({
  terminal,
  onClosed,
}: {
  readonly terminal: ProcessInfo;
  readonly onClosed: () => Promise<void>;
}) {
  const sandbox = useTaskSandbox();
  const close = useMutation({ mutationFn: () => sandbox.remove(terminal), onSettled: onClosed });
  if (terminal.status === "running") {
    return (
      <ConfirmButton
        label="Close"
        accessibleLabel="Close this terminal"
        title="Close this terminal?"
        confirmLabel="Close"
        onConfirm={() => close.mutateAsync()}
      >
        <p>What runs in it is ended.</p>
      </ConfirmButton>
    );
  }
  return (
    <button
      type="button"
      className="button button-small"
      aria-label="Close this terminal"
      disabled={close.isPending}
      onClick={() => close.mutate()}
    >
      Close
    </button>
  );
}
