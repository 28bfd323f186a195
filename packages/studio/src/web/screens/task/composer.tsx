import { ErrorNotice, remainingText, SendIcon, useAttempt, useDraft } from "@holdfast/web-parts";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useId } from "react";
import type { TaskStatus, TaskView } from "../../../contract.ts";
import { useApi } from "../../api/context.ts";
import { isLost } from "../../api/errors.ts";
import { isBusy } from "../../components/status.tsx";
import { promptDraft } from "./prompt-draft.ts";

const reasons: Readonly<Record<TaskStatus, string>> = {
  preparing: "The task is being prepared. You can send when it has started.",
  running: "The agent is working. You can send when it has finished, or stop it.",
  waiting: "The agent waits for your answer to its question.",
  idle: "Control and Enter sends.",
  stopped: "Stopped. A prompt goes on from here. Control and Enter sends.",
  failed: "A prompt tries again. Control and Enter sends.",
};

/** The next prompt. It can be written at any time and sent when the agent rests. */
export function Composer({ task }: { readonly task: TaskView }) {
  const id = useId();
  const api = useApi();
  const [draft, setDraft] = useDraft(promptDraft(task.id));
  const attempt = useAttempt();
  const send = useMutation({
    mutationFn: (typed: string) => api.sendPrompt(task.id, typed.trim(), attempt.idFor(typed.trim())),
    onError(error) {
      if (!isLost(error)) attempt.arrived();
    },
    onSuccess(_sent, typed) {
      attempt.arrived();
      setDraft((now) => remainingText(now, typed));
    },
  });
  const blocked = isBusy(task.status) || send.isPending;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!blocked && draft.trim() !== "") send.mutate(draft);
  };
  return (
    <form className="composer" onSubmit={submit} aria-label="Next prompt">
      {send.isError && <ErrorNotice error={send.error} title="The prompt was not sent." />}
      <div className="composer-box">
        <textarea
          id={id}
          rows={2}
          value={draft}
          aria-label="Next prompt"
          aria-describedby={`${id}-reason`}
          placeholder="Ask for something further"
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
        {reasons[task.status]}
      </p>
    </form>
  );
}
