import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, remainingText, SendIcon, useAttempt, useDraft } from "@holdfast/web-parts";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useId } from "react";
import type { TaskStatus, TaskView } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import { isResponseLost } from "../shared/errors.ts";
import { promptDraft } from "./prompt-draft.ts";

const statusHints: Readonly<Record<TaskStatus, string>> = {
  preparing: "The task is being prepared. Your prompt is queued until the first turn ends.",
  running: "The agent is working. Your prompt is queued until this turn ends.",
  waiting: "The agent waits for your answer. Your prompt is queued until this turn ends.",
  idle: "Press Ctrl+Enter to send.",
  stopped: "Stopped. Send a prompt to continue. Press Ctrl+Enter to send.",
  failed: "Send a prompt to try again. Press Ctrl+Enter to send.",
};

/** The next prompt. While the agent works, prompts are queued and run in order. */
export function Composer({ task }: { readonly task: TaskView }) {
  const id = useId();
  const api = useApi();
  const [draft, setDraft] = useDraft(promptDraft(draftKey(task)));
  const attempt = useAttempt();
  const send = useMutation({
    mutationFn: (typed: string) =>
      api.sendPrompt(task.id, task.sessionId, typed.trim(), attempt.idFor(typed.trim())),
    onError(error) {
      if (!isResponseLost(error)) attempt.arrived();
    },
    onSuccess(_sent, typed) {
      attempt.arrived();
      setDraft((now) => remainingText(now, typed));
    },
  });
  const blocked = send.isPending;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!blocked && draft.trim() !== "") send.mutate(draft);
  };
  return (
    <form className="composer" onSubmit={submit} aria-label="Next prompt">
      {send.isError && <ErrorNotice error={send.error} title="The prompt was not sent." />}
      {task.queued !== undefined && <QueuedPrompts prompts={task.queued} />}
      <div className="composer-box">
        <textarea
          id={id}
          rows={2}
          value={draft}
          aria-label="Next prompt"
          aria-describedby={`${id}-reason`}
          placeholder="Ask for a follow-up change"
          onChange={({ target: { value } }) => setDraft(() => value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) submit(event);
          }}
        />
        <button
          type="submit"
          className="button button-primary composer-send"
          disabled={blocked || draft.trim() === ""}
          aria-describedby={`${id}-reason`}
        >
          <SendIcon />
          Send
        </button>
      </div>
      <p id={`${id}-reason`} className="composer-reason">
        {statusHints[task.status]}
      </p>
    </form>
  );
}

/** The first session has the draft that the task had when it was alone. */
function draftKey({ id, sessionId, sessions }: TaskView): string {
  return sessionId === sessions[0]?.id ? id : sessionId;
}

/** Prompts that run after the current turn, in order. */
function QueuedPrompts({ prompts }: { readonly prompts: NonNullable<TaskView["queued"]> }) {
  return (
    <ol className="queued-prompts" aria-label="Queued prompts">
      {prompts.map(({ id, text }) => (
        <li key={id} data-queued={id}>
          <span className="tag">queued</span> {visibleText(text)}
        </li>
      ))}
    </ol>
  );
}
