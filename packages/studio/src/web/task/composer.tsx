import { ErrorNotice, remainingText, SendIcon, useAnnounce, useAttempt, useDraft } from "@holdfast/web-parts";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useId, useMemo } from "react";
import type { TaskStatus, TaskView } from "../../contract.ts";
import type { Transcript } from "../../transcript.ts";
import { useApi } from "../shared/context.ts";
import { isResponseLost } from "../shared/errors.ts";
import { AgentOptions } from "../shared/prompt/agent-options.tsx";
import type { CompletionSources } from "../shared/prompt/completions.ts";
import { PromptBox } from "../shared/prompt/prompt-box.tsx";
import { promptDraft } from "../shared/prompt/prompt-draft.ts";
import type { PromptValue } from "../shared/prompt/prompt-value.ts";
import { QueuedPrompts } from "../shared/prompt/queued-prompts.tsx";
import { useServerDraft } from "../shared/prompt/server-draft.ts";
import { agentsQuery } from "../shared/queries.ts";
import { isBusy } from "../shared/status.tsx";

const statusHints: Readonly<Record<TaskStatus, string>> = {
  preparing: "The task is being prepared. Your prompt is queued until the first turn ends.",
  running: "The agent is working. Your prompt is queued until this turn ends. Escape stops the agent.",
  waiting: "The agent waits for your answer. Your prompt is queued until this turn ends.",
  idle: "Enter sends, Shift+Enter begins a new line. Type @ for files and tasks, # for changed lines.",
  stopped: "Stopped. Send a prompt to continue.",
  failed: "Send a prompt to try again.",
};

function hintOf({ status, fork }: TaskView): string {
  return fork?.secrets === "asked"
    ? "Answer the question about secrets above: the task starts then."
    : statusHints[status];
}

const maxHistory = 100;

/** The next prompt. While the agent works, prompts are queued and run in order. */
export function Composer({ task, transcript }: { readonly task: TaskView; readonly transcript: Transcript }) {
  const id = useId();
  const api = useApi();
  const announce = useAnnounce();
  const scope = draftKey(task);
  const [draft, setDraft] = useDraft(promptDraft(scope));
  const isSaved = useServerDraft(scope, draft, setDraft);
  const attempt = useAttempt();
  const send = useMutation({
    mutationFn: ({ text: typed, attachments: files }: PromptValue) => {
      const prompt = { text: typed.trim(), attachments: files.map(({ id: file }) => file) };
      return api.sendPrompt(task.id, task.sessionId, prompt, attempt.idFor(JSON.stringify(prompt)));
    },
    onError(error) {
      if (!isResponseLost(error)) attempt.arrived();
    },
    onSuccess(_sent, sent) {
      attempt.arrived();
      setDraft((now) => remainingPrompt(now, sent));
    },
  });
  const stop = useMutation({ mutationFn: () => api.task(task.id).stop({ session: task.sessionId }) });
  const choose = useMutation({
    mutationFn: ([option, value]: readonly [string, string]) =>
      api.task(task.id).chooseOption(option, value, { session: task.sessionId }),
    onSuccess: () => announce("Used from the next prompt on."),
  });
  const options = useOffer(task, transcript);
  const sources = useMemo<CompletionSources>(
    () => ({
      scope: task.id,
      taskId: task.id,
      files: (query) => api.task(task.id).files(query),
      commands: transcript.commands,
    }),
    [api, task.id, transcript.commands],
  );
  const history = useMemo(
    () => transcript.items.flatMap((item) => (item.type === "prompt" ? [item.text] : [])).slice(-maxHistory),
    [transcript.items],
  );
  const blocked = send.isPending;
  const submit = () => {
    if (!blocked && draft.text.trim() !== "") send.mutate(draft);
  };
  const error = send.error ?? stop.error ?? choose.error;
  return (
    <form
      className="composer"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        submit();
      }}
      aria-label="Next prompt"
    >
      {error !== null && (
        <ErrorNotice
          error={error}
          title={send.isError ? "The prompt was not sent." : "That was not possible."}
        />
      )}
      {task.queued !== undefined && <QueuedPrompts taskId={task.id} prompts={task.queued} />}
      <div className="composer-box">
        <PromptBox
          id={id}
          scope={scope}
          label="Next prompt"
          describedBy={`${id}-reason`}
          placeholder="Ask for a follow-up change"
          rows={2}
          value={draft}
          onChange={setDraft}
          onSubmit={submit}
          onStop={isBusy(task.status) ? () => !stop.isPending && stop.mutate() : undefined}
          sources={sources}
          history={history}
        >
          <AgentOptions
            options={options}
            chosen={task.options ?? {}}
            onChoose={(option, value) => choose.mutate([option, value])}
          />
        </PromptBox>
        <button
          type="submit"
          className="button button-primary composer-send"
          disabled={blocked || draft.text.trim() === ""}
          aria-describedby={`${id}-reason`}
        >
          <SendIcon />
          Send
        </button>
      </div>
      <p id={`${id}-reason`} className="composer-reason">
        {hintOf(task)}
        {!isSaved && " The draft is in this browser alone, until the server takes it."}
      </p>
    </form>
  );
}

/** The first session has the draft that the task had when it was alone. */
function draftKey({ id, sessionId, sessions }: TaskView): string {
  return sessionId === sessions[0]?.id ? id : sessionId;
}

/** What the agent offers: what it has said, or before its start what it is known for. */
function useOffer(task: TaskView, transcript: Transcript) {
  const api = useApi();
  const isUnknown = transcript.options.length === 0;
  const agents = useQuery({ ...agentsQuery(api), enabled: isUnknown }).data;
  const known = agents?.find(({ id }) => id === task.agent)?.options ?? [];
  return isUnknown ? known : transcript.options;
}

/** What stays in the box after a prompt was sent. */
function remainingPrompt(now: PromptValue, sent: PromptValue): PromptValue {
  const gone = new Set(sent.attachments.map(({ id }) => id));
  return {
    text: remainingText(now.text, sent.text),
    attachments: now.attachments.filter(({ id }) => !gone.has(id)),
  };
}
