import { type FileRef, restoreLineEndings, type TextFile } from "@holdfast/web-parts/sandbox";
import { useCallback, useEffect, useMemo } from "react";
import { useTaskState } from "../use-task-state.ts";

/** Edited text, and the version of the file that it is based on. */
export interface Draft {
  readonly text: string;
  readonly base: TextFile;
}

export interface Drafts {
  readonly of: (file: FileRef) => Draft | undefined;
  readonly files: ReadonlySet<FileRef>;
  /** Takes the text of the editor, whose lines end with line feeds. */
  readonly edit: (file: FileRef, current: TextFile, text: string) => void;
  readonly drop: (file: FileRef) => void;
  /** Continues a draft from the version that was just saved; edits made while saving are kept. */
  readonly saved: (file: FileRef, saved: TextFile) => void;
}

const none: ReadonlyMap<FileRef, Draft> = new Map();

/** Edits that are not saved, of all files of a task. They last as long as the page, and the browser asks before it goes. */
export function useDrafts(taskId: string): Drafts {
  const [drafts, setDrafts] = useTaskState(taskId, "drafts", none);
  useAskBeforeLeaving(drafts.size > 0);
  const change = useCallback(
    (file: FileRef, next: (known: Draft | undefined) => Draft | undefined) =>
      setDrafts((all) => {
        const draft = next(all.get(file));
        const copy = new Map(all);
        if (draft === undefined) copy.delete(file);
        else copy.set(file, draft);
        return copy;
      }),
    [setDrafts],
  );
  return useMemo(
    () => ({
      of: (file) => drafts.get(file),
      files: new Set(drafts.keys()),
      edit: (file, current, text) => change(file, (known) => editDraft(known, current, text)),
      drop: (file) => change(file, () => undefined),
      saved: (file, saved) =>
        change(file, (known) =>
          known === undefined || known.text === saved.text ? undefined : { text: known.text, base: saved },
        ),
    }),
    [drafts, change],
  );
}

function useAskBeforeLeaving(asks: boolean): void {
  useEffect(() => {
    if (!asks) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [asks]);
}

/** The draft after an edit; undefined if the text is that of the file again. */
export function editDraft(known: Draft | undefined, current: TextFile, text: string): Draft | undefined {
  const base = known?.base ?? current;
  const restored = restoreLineEndings(known?.text ?? base.text, text);
  return restored === base.text ? undefined : { text: restored, base };
}

/** The text as the editor has it. */
export function withLineFeeds(text: string): string {
  return text.replaceAll(/\r\n?/g, "\n");
}
