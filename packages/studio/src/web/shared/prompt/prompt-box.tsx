/**
 * The box in which prompts are written: files by paste and drop, completion of files, tasks, lines and commands, and the
 * history of earlier prompts.
 */
import "./prompt.css";
import { PlusIcon, useAnnounce, useDebounced } from "@holdfast/web-parts";
import {
  type ClipboardEvent,
  type DragEvent,
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
  useId,
  useRef,
  useState,
} from "react";
import type { AttachmentView } from "../../../contract.ts";
import { EditableAttachments } from "./attachment-list.tsx";
import { CompletionList } from "./completion-list.tsx";
import { type Completion, type CompletionSources, useCompletions } from "./completions.ts";
import { type HistoryPlace, stepHistory } from "./prompt-history.ts";
import type { ChangePrompt, PromptValue } from "./prompt-value.ts";
import { triggerAt } from "./triggers.ts";
import { type AddedFile, checkFiles, filesOf, typeProblem, useUploads } from "./upload.ts";

const completionDelayMs = 80;

export interface PromptBoxProps {
  readonly id: string;
  /** The task, or "new": whose uploads these are. */
  readonly scope: string;
  /** The accessible name; left out if a label names the field. */
  readonly label?: string;
  readonly describedBy: string;
  readonly invalid?: boolean;
  readonly placeholder: string;
  readonly rows: number;
  readonly value: PromptValue;
  readonly onChange: ChangePrompt;
  /** Not called while files are on their way. */
  readonly onSubmit: () => void;
  /** Called for Escape, when there is nothing else to close. */
  readonly onStop?: (() => void) | undefined;
  readonly sources: CompletionSources;
  /** Earlier prompts, newest last. */
  readonly history: readonly string[];
  readonly fieldRef?: RefObject<HTMLTextAreaElement | null>;
  /** Controls beside the button that adds files. */
  readonly children?: ReactNode;
}

export function PromptBox(props: PromptBoxProps) {
  const { id, value, onChange, sources } = props;
  const listId = useId();
  const own = useRef<HTMLTextAreaElement>(null);
  const field = props.fieldRef ?? own;
  const files = useFiles(props.scope, value, onChange);
  const completion = useCompletion(sources, value, onChange, field);
  const history = useHistory(props, field);
  const [dropping, setDropping] = useState(false);

  const press = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // An input method is composing a character.
    if (event.nativeEvent.isComposing) return;
    if (completion.press(event) || history.press(event)) return event.preventDefault();
    if (event.key === "Escape" && props.onStop !== undefined) {
      event.preventDefault();
      return props.onStop();
    }
    if (!isSendKey(event)) return;
    event.preventDefault();
    if (!files.refuseWhileUploading()) props.onSubmit();
  };
  const paste = (event: ClipboardEvent) => {
    // Office programs put a picture of copied text beside it.
    const added = filesOf(event.clipboardData);
    if (added.length === 0 || event.clipboardData.types.includes("text/plain")) return;
    event.preventDefault();
    files.add(added);
  };
  const drag = (event: DragEvent, isOver: boolean) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    setDropping(isOver);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a place to drop files; the button does the same with the keyboard
    <div
      className={dropping ? "prompt-box prompt-box-dropping" : "prompt-box"}
      onDragOver={(event) => drag(event, true)}
      onDragLeave={(event) => drag(event, false)}
      onDrop={(event) => {
        drag(event, false);
        if (event.defaultPrevented) files.add(filesOf(event.dataTransfer));
      }}
    >
      {completion.shown.length > 0 && (
        <CompletionList
          id={listId}
          completions={completion.shown}
          field={field}
          active={completion.active}
          onActive={completion.setActive}
          onChoose={completion.choose}
        />
      )}
      {files.problems.length > 0 && (
        <div className="notice notice-error prompt-problems" role="alert">
          {files.problems.map((problem) => (
            <p key={problem}>{problem}</p>
          ))}
        </div>
      )}
      <textarea
        id={id}
        ref={field}
        rows={props.rows}
        value={value.text}
        aria-label={props.label}
        aria-describedby={props.describedBy}
        aria-invalid={props.invalid}
        aria-autocomplete="list"
        aria-controls={completion.shown.length > 0 ? listId : undefined}
        aria-activedescendant={completion.shown.length > 0 ? `${listId}-${completion.active}` : undefined}
        placeholder={props.placeholder}
        onChange={({ target }) => {
          onChange((known) => ({ ...known, text: target.value }));
          history.leave();
          completion.moved(target);
        }}
        onSelect={(event) => completion.moved(event.currentTarget)}
        onBlur={completion.close}
        onKeyDown={press}
        onPaste={paste}
      />
      <EditableAttachments
        attachments={value.attachments}
        uploads={files.uploading}
        onRemove={files.remove}
        onRetry={files.retry}
        onCancel={files.cancel}
      />
      <div className="prompt-controls">
        <FileButton onFiles={files.add} />
        {props.children}
      </div>
    </div>
  );
}

/** Enter sends, with or without Ctrl or Cmd; where there is no keyboard, it begins a new line. */
function isSendKey(event: KeyboardEvent): boolean {
  if (event.key !== "Enter" || event.shiftKey || event.altKey) return false;
  return event.metaKey || event.ctrlKey || !window.matchMedia("(pointer: coarse) and (hover: none)").matches;
}

function FileButton({ onFiles }: { readonly onFiles: (files: readonly AddedFile[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        className="button button-small"
        onClick={() => input.current?.click()}
        title="Add files. You can also paste and drop them."
      >
        <PlusIcon />
        Files
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Add files"
        onChange={({ target }) => {
          onFiles([...(target.files ?? [])].map((file) => ({ file, isFolder: false })));
          // The same file can be chosen again.
          target.value = "";
        }}
      />
    </>
  );
}

/** The files of the prompt: uploaded, on their way, and refused. */
function useFiles(scope: string, value: PromptValue, onChange: ChangePrompt) {
  const { uploads, list } = useUploads(scope);
  const [problems, setProblems] = useState<readonly string[]>([]);
  const announce = useAnnounce();
  const done = (file: File) => (view: AttachmentView) => {
    onChange((known) => ({ ...known, attachments: [...known.attachments, view] }));
    const problem = typeProblem(file, view);
    if (problem !== undefined) setProblems((known) => [...known, problem]);
    announce(`${view.name} is attached.`);
  };
  return {
    uploading: list,
    problems,
    add(added: readonly AddedFile[]) {
      const checked = checkFiles(added, value.attachments.length + list.length);
      setProblems(checked.problems);
      for (const file of checked.files) uploads.start(file, done(file));
    },
    remove: (id: string) =>
      onChange((known) => ({ ...known, attachments: known.attachments.filter((each) => each.id !== id) })),
    retry(key: string) {
      const upload = list.find((each) => each.key === key);
      if (upload !== undefined) uploads.retry(key, done(upload.file));
    },
    cancel: (key: string) => uploads.remove(key),
    /** Says why the prompt cannot be sent yet. Returns false if it can. */
    refuseWhileUploading(): boolean {
      if (list.length === 0) return false;
      const isFailed = list.some(({ problem }) => problem !== undefined);
      setProblems([
        isFailed
          ? "A file was not uploaded. Try it again, or remove it. Then send the prompt."
          : "A file is still being uploaded. Send the prompt when it is there.",
      ]);
      return true;
    },
  };
}

/** What is offered for the word at the caret. */
function useCompletion(
  sources: CompletionSources,
  { text }: PromptValue,
  onChange: ChangePrompt,
  field: RefObject<HTMLTextAreaElement | null>,
) {
  const [caret, setCaret] = useState<number | undefined>(undefined);
  const [chosen, setActive] = useState(0);
  const trigger = caret === undefined ? undefined : triggerAt(text, caret);
  const settled = useDebounced(trigger === undefined ? "" : JSON.stringify(trigger), completionDelayMs);
  // Of what was typed last; a list of files for it comes a moment later.
  const asked = settled === "" || trigger === undefined ? undefined : trigger;
  const { completions } = useCompletions(sources, asked);
  const shown = asked === undefined ? [] : completions;
  const active = Math.min(chosen, Math.max(0, shown.length - 1));
  const choose = (completion: Completion) => {
    if (trigger === undefined) return;
    const next = text.slice(0, trigger.from) + completion.text + text.slice(trigger.to).trimStart();
    const end = trigger.from + completion.text.length;
    onChange((known) => ({ ...known, text: next }));
    setCaret(undefined);
    setActive(0);
    // After React has put the text into the field.
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(end, end);
    });
  };
  return {
    shown,
    active,
    setActive,
    choose,
    close: () => setCaret(undefined),
    moved({ selectionStart, selectionEnd }: HTMLTextAreaElement) {
      setCaret(selectionStart === selectionEnd ? selectionStart : undefined);
    },
    /** Returns true for a key that it takes. */
    press({ key, shiftKey, metaKey, ctrlKey }: KeyboardEvent): boolean {
      const option = shown[active];
      if (option === undefined) return false;
      if (key === "Escape") setCaret(undefined);
      else if (key === "ArrowDown") setActive((active + 1) % shown.length);
      else if (key === "ArrowUp") setActive((active + shown.length - 1) % shown.length);
      else if ((key === "Enter" || key === "Tab") && !shiftKey && !metaKey && !ctrlKey) choose(option);
      else return false;
      return true;
    },
  };
}

/** Earlier prompts, with the arrow keys at the edges of the field. */
function useHistory(
  { history, value, onChange }: PromptBoxProps,
  field: RefObject<HTMLTextAreaElement | null>,
) {
  const [place, setPlace] = useState<HistoryPlace | undefined>(undefined);
  return {
    leave: () => setPlace(undefined),
    press({ key, shiftKey, altKey }: KeyboardEvent): boolean {
      const at = field.current;
      if (at === null || shiftKey || altKey || (key !== "ArrowUp" && key !== "ArrowDown")) return false;
      if (at.selectionStart !== at.selectionEnd) return false;
      // Inside of a text the keys move the caret.
      const isAtEdge =
        key === "ArrowUp"
          ? (value.text === "" || place !== undefined) &&
            !value.text.slice(0, at.selectionStart).includes("\n")
          : place !== undefined && !value.text.slice(at.selectionEnd).includes("\n");
      const step = isAtEdge
        ? stepHistory(history, place, value.text, key === "ArrowUp" ? "older" : "newer")
        : undefined;
      if (step === undefined) return false;
      setPlace(step.place);
      onChange((known) => ({ ...known, text: step.text }));
      requestAnimationFrame(() => at.setSelectionRange(step.text.length, step.text.length));
      return true;
    },
  };
}
