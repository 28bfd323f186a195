import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, useAnnounce } from "@holdfast/web-parts";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { QueuedPrompt } from "../../../contract.ts";
import { useApi } from "../context.ts";

type QueueStep =
  | { readonly kind: "edit"; readonly id: string; readonly text: string }
  | { readonly kind: "remove"; readonly id: string }
  | { readonly kind: "move"; readonly id: string; readonly to: number };

const doneTexts: Readonly<Record<QueueStep["kind"], string>> = {
  edit: "The queued prompt is changed.",
  remove: "The queued prompt is removed.",
  move: "The queued prompt is moved.",
};

/** Prompts that run after the current turn, in order. Each can be changed, moved and removed until its turn begins. */
export function QueuedPrompts({
  taskId,
  prompts,
}: {
  readonly taskId: string;
  readonly prompts: readonly QueuedPrompt[];
}) {
  const task = useApi().task(taskId);
  const announce = useAnnounce();
  const [editing, setEditing] = useState<QueuedPrompt | undefined>(undefined);
  const change = useMutation({
    async mutationFn(step: QueueStep) {
      if (step.kind === "edit") await task.editPrompt(step.id, step.text);
      else if (step.kind === "remove") await task.removePrompt(step.id);
      else await task.movePrompt(step.id, step.to);
    },
    onSuccess(_done, { kind }) {
      if (kind === "edit") setEditing(undefined);
      announce(doneTexts[kind]);
    },
  });
  // The list has the beginning of a long prompt alone.
  const open = useMutation({
    mutationFn: (id: string) => task.queuedPrompt(id),
    onSuccess: (prompt) => setEditing(prompt),
  });
  const error = change.error ?? open.error;
  return (
    <>
      {error !== null && <ErrorNotice error={error} title="The queue was not changed." />}
      <ol className="queued-prompts" aria-label="Queued prompts">
        {prompts.map(({ id, text, attachments }, index) => (
          <li key={id} data-queued={id}>
            {editing?.id === id ? (
              <QueuedEditor
                prompt={editing}
                isBusy={change.isPending}
                onCancel={() => setEditing(undefined)}
                onSave={(next) => change.mutate({ kind: "edit", id, text: next })}
              />
            ) : (
              <>
                <span className="tag">queued</span>
                <span className="queued-text">{visibleText(text)}</span>
                {attachments !== undefined && <span className="muted">{countFiles(attachments.length)}</span>}
                <QueueButton label="Edit" of={text} onClick={() => open.mutate(id)} />
                <QueueButton
                  label="Up"
                  sign="↑"
                  of={text}
                  disabled={index === 0 || change.isPending}
                  onClick={() => change.mutate({ kind: "move", id, to: index - 1 })}
                />
                <QueueButton
                  label="Down"
                  sign="↓"
                  of={text}
                  disabled={index === prompts.length - 1 || change.isPending}
                  onClick={() => change.mutate({ kind: "move", id, to: index + 1 })}
                />
                <QueueButton
                  label="Remove"
                  sign="×"
                  of={text}
                  disabled={change.isPending}
                  onClick={() => change.mutate({ kind: "remove", id })}
                />
              </>
            )}
          </li>
        ))}
      </ol>
    </>
  );
}

function countFiles(count: number): string {
  return count === 1 ? "1 file" : `${count} files`;
}

function QueueButton({
  label,
  sign = label,
  of,
  disabled = false,
  onClick,
}: {
  readonly label: string;
  /** What is shown instead of the label. */
  readonly sign?: string;
  readonly of: string;
  readonly disabled?: boolean;
  readonly onClick: () => void;
}) {
  return (
    <button
      type="button"
      className="button button-small"
      aria-label={`${label}: ${visibleText(of.slice(0, 60))}`}
      disabled={disabled}
      onClick={onClick}
    >
      {sign}
    </button>
  );
}

/** The field takes the focus from the button that opened it. */
function focusOnce(field: HTMLTextAreaElement | null): void {
  field?.focus();
  field?.setSelectionRange(field.value.length, field.value.length);
}

function QueuedEditor({
  prompt,
  isBusy,
  onSave,
  onCancel,
}: {
  readonly prompt: QueuedPrompt;
  readonly isBusy: boolean;
  readonly onSave: (text: string) => void;
  readonly onCancel: () => void;
}) {
  const [text, setText] = useState(prompt.text);
  const save = () => {
    if (!isBusy && text.trim() !== "") onSave(text.trim());
  };
  return (
    <div className="queued-editor">
      <textarea
        rows={3}
        value={text}
        aria-label="Queued prompt"
        ref={focusOnce}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onCancel();
          else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
          else return;
          event.preventDefault();
        }}
      />
      <div className="queued-editor-buttons">
        <button
          type="button"
          className="button button-primary button-small"
          disabled={isBusy || text.trim() === ""}
          onClick={save}
        >
          Save
        </button>
        <button type="button" className="button button-small" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </div>
  );
}
