import { ErrorNotice, Loading, useAnnounce, useAttempt } from "@holdfast/web-parts";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import type { NewSession, TaskView } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import { isResponseLost } from "../../shared/errors.ts";
import { AgentOptions } from "../../shared/prompt/agent-options.tsx";
import { agentsQuery } from "../../shared/queries.ts";

/** Button that opens the form for another session of the task. */
export function NewSessionButton({
  task,
  onStarted,
}: {
  readonly task: TaskView;
  readonly onStarted: (id: string) => void;
}) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="button button-small"
        aria-haspopup="dialog"
        data-testid="new-session"
        onClick={() => setOpen(true)}
      >
        New session
      </button>
      {isOpen && <NewSessionDialog task={task} onStarted={onStarted} onClose={() => setOpen(false)} />}
    </>
  );
}

function NewSessionDialog({
  task,
  onStarted,
  onClose,
}: {
  readonly task: TaskView;
  readonly onStarted: (id: string) => void;
  readonly onClose: () => void;
}) {
  const id = useId();
  const api = useApi();
  const announce = useAnnounce();
  const dialog = useRef<HTMLDialogElement>(null);
  const attempt = useAttempt();
  const agents = useQuery(agentsQuery(api));
  const usable = agents.data?.filter(({ installed, ready }) => installed && ready) ?? [];
  const [agent, setAgent] = useState(task.agent);
  const [name, setName] = useState("");
  const [prompt, setPrompt] = useState("");
  const [isCopy, setCopy] = useState(false);
  const [from, setFrom] = useState<"base" | "workspace">("base");
  const [options, setOptions] = useState<Readonly<Record<string, string>>>({});
  const start = useMutation({
    mutationFn: (input: NewSession) => api.startSession(task.id, input, attempt.idFor(JSON.stringify(input))),
    onError(error) {
      if (!isResponseLost(error)) attempt.arrived();
    },
    onSuccess(session) {
      attempt.arrived();
      dialog.current?.close();
      announce(`The session ${session.name} was started.`);
      onStarted(session.id);
    },
  });
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  const chosen = usable.find((each) => each.id === agent) ?? usable[0];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (chosen === undefined || start.isPending) return;
    const [given, text] = [name.trim(), prompt.trim()];
    start.mutate({
      agent: chosen.id,
      ...(given === "" ? {} : { name: given }),
      ...(text === "" ? {} : { prompt: text }),
      ...(isCopy ? { copy: from === "base" ? true : from } : {}),
      ...(Object.keys(options).length === 0 ? {} : { options }),
    });
  };
  return (
    <dialog ref={dialog} className="dialog new-session" aria-labelledby={`${id}-title`} onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id={`${id}-title`}>New session</h2>
        <p id={`${id}-text`} className="dialog-text">
          {isCopy
            ? `An attempt that begins ${from === "base" ? "where the task began" : "as the files of the task are when it gets its first prompt"}. You keep one of the attempts, and discard the others.`
            : "Another agent in the same workspace. Sessions work in parallel: if two agents change the same file, the last change stays."}
        </p>
        {agents.isPending && <Loading label="Looking for agents" rows={2} />}
        {agents.isError && <ErrorNotice error={agents.error} onRetry={() => void agents.refetch()} />}
        <div className="field">
          <label htmlFor={`${id}-agent`}>Agent</label>
          <select
            id={`${id}-agent`}
            value={chosen?.id ?? ""}
            onChange={({ target: { value } }) => {
              setAgent(value);
              setOptions({});
            }}
          >
            {usable.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
              </option>
            ))}
          </select>
        </div>
        <AgentOptions
          options={chosen?.options ?? []}
          chosen={options}
          onChoose={(option, choice) => setOptions((known) => ({ ...known, [option]: choice }))}
        />
        <label className="field-check">
          <input type="checkbox" checked={isCopy} onChange={({ target: { checked } }) => setCopy(checked)} />
          In a copy of its own, as an attempt
        </label>
        {isCopy && (
          <div className="field">
            <label htmlFor={`${id}-from`}>The copy begins</label>
            <select
              id={`${id}-from`}
              value={from}
              onChange={({ target: { value } }) => setFrom(value === "workspace" ? value : "base")}
            >
              <option value="base">where the task began</option>
              <option value="workspace">as the files of the task are now</option>
            </select>
          </div>
        )}
        <div className="field">
          <label htmlFor={`${id}-name`}>Name (optional)</label>
          <input
            id={`${id}-name`}
            value={name}
            maxLength={60}
            autoComplete="off"
            onChange={({ target: { value } }) => setName(value)}
          />
        </div>
        <div className="field">
          <label htmlFor={`${id}-prompt`}>First prompt (optional)</label>
          <textarea
            id={`${id}-prompt`}
            rows={3}
            value={prompt}
            onChange={({ target: { value } }) => setPrompt(value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) submit(event);
            }}
          />
        </div>
        {start.isError && <ErrorNotice error={start.error} title="The session was not started." />}
        <div className="dialog-foot">
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button
            type="submit"
            className="button button-primary"
            disabled={chosen === undefined || start.isPending}
          >
            {start.isPending ? "Starting…" : "Start session"}
          </button>
        </div>
      </form>
    </dialog>
  );
}
