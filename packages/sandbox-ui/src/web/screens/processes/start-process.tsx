import type { ProcessInfo } from "@holdfast/sandbox-client";
import { ErrorNotice } from "@holdfast/web-parts";
import { splitCommand } from "@holdfast/web-parts/sandbox";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useApi } from "../../api/context.ts";
import { keys } from "../../api/queries.ts";
import type { SandboxApi } from "../../api/sandbox-api.ts";
import { FolderField } from "../folder-field.tsx";

interface NewProcess {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly tty: boolean;
}

/** Form that starts a command, or a shell in a terminal. */
export function StartProcess() {
  const api = useApi();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [line, setLine] = useState("");
  const [cwd, setCwd] = useState("");
  const [tty, setTty] = useState(false);
  const [unclosed, setUnclosed] = useState(false);
  const onSuccess = async ({ id }: ProcessInfo) => {
    await queries.invalidateQueries({ queryKey: keys.processes });
    await navigate({ to: "/processes", search: { process: id } });
  };
  const start = useMutation({ mutationFn: (process: NewProcess) => startProcess(api, process), onSuccess });
  const shell = useMutation({ mutationFn: () => startShell(api, cwd.trim()), onSuccess });
  const isPending = start.isPending || shell.isPending;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const argv = splitCommand(line);
    setUnclosed(argv === undefined);
    if (argv !== undefined && argv.length > 0 && !isPending) start.mutate({ argv, cwd: cwd.trim(), tty });
  };
  return (
    <div className="page page-narrow">
      <h1>New process</h1>
      <form className="stack" onSubmit={submit}>
        <div className="field">
          <label htmlFor="command">Command</label>
          <input
            id="command"
            className="mono"
            value={line}
            placeholder="npm run dev"
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="off"
            aria-invalid={unclosed || undefined}
            aria-describedby="command-hint"
            onChange={(event) => setLine(event.target.value)}
          />
          <p id="command-hint" className="muted small">
            {unclosed
              ? "A quote is not closed."
              : "No shell is involved: for pipes and variables use sh -c '…'."}
          </p>
        </div>
        <FolderField id="process-cwd" value={cwd} onChange={setCwd} />
        <label className="choice">
          <input type="checkbox" checked={tty} onChange={(event) => setTty(event.target.checked)} />
          In a terminal
        </label>
        {(start.error ?? shell.error) !== null && (
          <ErrorNotice error={start.error ?? shell.error} title="The process did not start." />
        )}
        <div className="actions">
          <button type="submit" className="button button-primary" disabled={isPending || line.trim() === ""}>
            Start
          </button>
          <button type="button" className="button" disabled={isPending} onClick={() => shell.mutate()}>
            Open a shell
          </button>
        </div>
      </form>
    </div>
  );
}

async function startProcess(api: SandboxApi, { argv, cwd, tty }: NewProcess): Promise<ProcessInfo> {
  const [command = "", ...args] = argv;
  return await api.client.createProcess({ command, args, tty, ...(cwd === "" ? {} : { cwd }) });
}

/** Prefers Bash, and falls back to the shell that every system has. */
async function startShell(api: SandboxApi, cwd: string): Promise<ProcessInfo> {
  try {
    return await startProcess(api, { argv: ["bash"], cwd, tty: true });
  } catch {
    return await startProcess(api, { argv: ["sh"], cwd, tty: true });
  }
}
