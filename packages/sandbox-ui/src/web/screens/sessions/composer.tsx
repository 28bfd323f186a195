import { ErrorNotice, remainingText, useAttempt } from "@holdfast/web-parts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type KeyboardEvent, useState } from "react";
import { useApi } from "../../api/context.ts";
import { keys } from "../../api/queries.ts";
import type { Session } from "../../api/types.ts";

/** Form for the next prompt. The server queues it while a turn runs. Enter sends, Shift+Enter adds a line. */
export function Composer({ session }: { readonly session: Session }) {
  const api = useApi();
  const queries = useQueryClient();
  const [text, setText] = useState("");
  const attempt = useAttempt();
  const refresh = () => queries.invalidateQueries({ queryKey: keys.session(session.id) });
  const send = useMutation({
    mutationFn: (prompt: string) => api.prompt(session.id, attempt.idFor(prompt), prompt),
    onSuccess(_sent, prompt) {
      attempt.arrived();
      setText((now) => remainingText(now, prompt));
      void refresh();
    },
  });
  const cancel = useMutation({ mutationFn: () => api.cancel(session.id), onSettled: refresh });
  const busy = session.status === "running" || session.status === "waiting";
  const submit = (event: FormEvent | KeyboardEvent) => {
    event.preventDefault();
    if (text.trim() !== "" && !send.isPending) send.mutate(text);
  };
  return (
    <form className="composer" onSubmit={submit}>
      {(send.error ?? cancel.error) !== null && <ErrorNotice error={send.error ?? cancel.error} />}
      <label className="visually-hidden" htmlFor="prompt">
        Prompt
      </label>
      <textarea
        id="prompt"
        rows={2}
        value={text}
        placeholder={busy ? "Your prompt is queued until this turn ends" : "Ask the agent to do something"}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) submit(event);
        }}
      />
      <div className="composer-foot">
        <p className="muted small">
          {session.queuedPrompts > 0
            ? `${session.queuedPrompts} queued`
            : "Enter to send, Shift+Enter for a new line"}
        </p>
        {busy && (
          <button
            type="button"
            className="button button-small button-stop"
            disabled={cancel.isPending}
            onClick={() => cancel.mutate()}
          >
            Cancel turn
          </button>
        )}
        <button
          type="submit"
          className="button button-small button-primary"
          disabled={text.trim() === "" || send.isPending}
        >
          Send
        </button>
      </div>
    </form>
  );
}
