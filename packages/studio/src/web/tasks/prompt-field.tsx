import { type RefObject, useCallback, useId, useMemo } from "react";
import { useApi } from "../shared/context.ts";
import type { RepositoryValue, TaskDraft } from "../shared/new-task/task-draft.ts";
import { AgentOptions } from "../shared/prompt/agent-options.tsx";
import type { CompletionSources } from "../shared/prompt/completions.ts";
import { PromptBox } from "../shared/prompt/prompt-box.tsx";
import type { ChangePrompt, PromptValue } from "../shared/prompt/prompt-value.ts";
import { useServerDraft } from "../shared/prompt/server-draft.ts";

const noHistory: readonly string[] = [];

/** The prompt of a new task, with the choices that its agent offers. */
export function PromptField({
  draft: { repository, agent, prompt, attachments, options },
  setDraft,
  placeholder,
  problem,
  fieldRef,
  onSubmit,
}: {
  readonly draft: TaskDraft;
  readonly setDraft: (change: (draft: TaskDraft) => TaskDraft) => void;
  readonly placeholder: string;
  readonly problem: string | undefined;
  readonly fieldRef: RefObject<HTMLTextAreaElement | null>;
  readonly onSubmit: () => void;
}) {
  const id = useId();
  const value = useMemo<PromptValue>(() => ({ text: prompt, attachments }), [prompt, attachments]);
  const setValue = useCallback<ChangePrompt>(
    (change) =>
      setDraft((known) => {
        const next = change({ text: known.prompt, attachments: known.attachments });
        return { ...known, prompt: next.text, attachments: next.attachments };
      }),
    [setDraft],
  );
  useServerDraft("new", value, setValue);
  return (
    <div className="field">
      <label htmlFor={id}>Describe the task</label>
      <PromptBox
        id={id}
        scope="new"
        describedBy={`${id}-help`}
        invalid={problem !== undefined}
        placeholder={placeholder}
        rows={5}
        value={value}
        onChange={setValue}
        onSubmit={onSubmit}
        sources={useFileSource(repository)}
        history={noHistory}
        fieldRef={fieldRef}
      >
        <AgentOptions
          options={agent?.options ?? []}
          chosen={options}
          onChoose={(option, choice) =>
            setDraft((known) => ({ ...known, options: { ...known.options, [option]: choice } }))
          }
        />
      </PromptBox>
      <p id={`${id}-help`} className={problem === undefined ? "field-help" : "field-problem"}>
        {problem ?? "Enter starts the task, Shift+Enter begins a new line. Type @ for files and tasks."}
      </p>
    </div>
  );
}

/** Files of the repository that is chosen. Those of a server are found once the task has them. */
function useFileSource({ path, connected, check }: RepositoryValue): CompletionSources {
  const api = useApi();
  const folder = path.trim();
  const isFolder = connected === undefined && (check === "clean" || check === "dirty");
  return useMemo<CompletionSources>(
    () => ({
      scope: isFolder ? `new/${folder}` : "new",
      files: isFolder ? (query) => api.organization.repositoryFiles(folder, query) : undefined,
      commands: [],
    }),
    [api, folder, isFolder],
  );
}
