import { Draft, tabStorage, useDraft } from "@holdfast/web-parts";
import { type FormEvent, useEffect, useId, useRef } from "react";

const drafts = new Map<string, Draft<string>>();

/** What is typed, until it is saved: it survives that the lines scroll out of view, and a reload of the tab. */
export function commentText(key: string, initial = ""): Draft<string> {
  const known = drafts.get(key);
  if (known !== undefined) return known;
  const draft = new Draft({
    key: `holdfast.comment.${key}`,
    empty: "",
    read: (kept) => (typeof kept === "string" ? kept : undefined),
    storage: tabStorage(),
  });
  if (draft.value === "") draft.change(() => initial);
  drafts.set(key, draft);
  return draft;
}

/** The text of a new or changed comment. It takes the focus when it appears. */
export function CommentForm({
  draftKey,
  initial,
  label,
  pending,
  onSave,
  onCancel,
}: {
  readonly draftKey: string;
  readonly initial?: string;
  readonly label: string;
  readonly pending: boolean;
  /** Called with the text; `done` forgets what was typed. */
  readonly onSave: (text: string, done: () => void) => void;
  readonly onCancel: () => void;
}) {
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useDraft(commentText(draftKey, initial));
  useEffect(() => field.current?.focus(), []);
  const forget = () => {
    setText(() => "");
    drafts.delete(draftKey);
  };
  const submit = (event: { preventDefault(): void }) => {
    event.preventDefault();
    if (!pending && text.trim() !== "") onSave(text.trim(), forget);
  };
  return (
    <form className="comment-form" aria-label={label} onSubmit={(event: FormEvent) => submit(event)}>
      <textarea
        ref={field}
        id={id}
        rows={3}
        maxLength={1_300}
        value={text}
        aria-label={label}
        placeholder="What should the agent change here?"
        onChange={({ target: { value } }) => setText(() => value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) submit(event);
          if (event.key === "Escape" && text.trim() === (initial ?? "")) {
            forget();
            onCancel();
          }
        }}
      />
      <div className="comment-actions">
        <button
          type="submit"
          className="button button-small button-primary"
          disabled={pending || text.trim() === ""}
        >
          {pending ? "Saving…" : "Save comment"}
        </button>
        <button
          type="button"
          className="button button-small"
          onClick={() => {
            forget();
            onCancel();
          }}
        >
          Cancel
        </button>
        <span className="field-help">{label}</span>
      </div>
    </form>
  );
}
