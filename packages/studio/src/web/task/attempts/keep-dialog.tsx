import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, useAnnounce } from "@holdfast/web-parts";
import { formatBytes } from "@holdfast/web-parts/format";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type SubmitEvent, useEffect, useId, useRef } from "react";
import type { TaskSessionView, TaskView } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import { isBusy } from "../../shared/status.tsx";
import { attemptStorageQuery } from "./queries.ts";

/** Asks before an attempt is kept and the others are discarded. Enter confirms. */
export function KeepDialog({
  task,
  session,
  attempts,
  onClose,
  onKept,
}: {
  readonly task: TaskView;
  readonly session: TaskSessionView;
  readonly attempts: readonly TaskSessionView[];
  readonly onClose: () => void;
  readonly onKept: () => void;
}) {
  const id = useId();
  const api = useApi();
  const announce = useAnnounce();
  const dialog = useRef<HTMLDialogElement>(null);
  const confirm = useRef<HTMLButtonElement>(null);
  const storage = useQuery(attemptStorageQuery(api, task.id));
  const others = attempts.filter((each) => each.id !== session.id);
  const working = others.filter(({ status }) => isBusy(status)).length;
  const keep = useMutation({
    mutationFn: () => api.task(task.id).keepAttempt(session.id),
    onSuccess({ bytes }) {
      dialog.current?.close();
      announce(`The attempt was kept. ${formatBytes(bytes)} are free again.`);
      onKept();
    },
  });
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
    confirm.current?.focus();
  }, []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!keep.isPending) keep.mutate();
  };
  const sizes = others.flatMap((each) => storage.data?.[each.id] ?? []);
  const isExact = sizes.every(({ isComplete }) => isComplete);
  const bytes = sizes.reduce((sum, size) => sum + size.bytes, 0);
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onClose={onClose}
    >
      <form onSubmit={submit}>
        <h2 id={`${id}-title`}>Keep {visibleText(session.name)}?</h2>
        <div id={`${id}-text`} className="dialog-text">
          <p>
            Its work becomes that of the task. {others.map(({ name }) => visibleText(name)).join(", ")}{" "}
            {others.length === 1 ? "is" : "are"} discarded;{" "}
            {others.length === 1 ? "its conversation" : "their conversations"} can still be read.
            {working > 0 &&
              ` ${working} of them still ${working === 1 ? "works" : "work"} and will be stopped.`}
          </p>
          <p>
            {storage.data === undefined
              ? "Counting the files…"
              : `This frees ${isExact ? "" : "at least "}${formatBytes(bytes)}. It cannot be undone.`}
          </p>
        </div>
        {storage.isError && <ErrorNotice error={storage.error} title="The size is not known." />}
        {keep.isError && <ErrorNotice error={keep.error} title="The attempt was not kept." />}
        <div className="dialog-foot">
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button ref={confirm} type="submit" className="button button-primary" disabled={keep.isPending}>
            {keep.isPending ? "Keeping…" : "Keep, and discard the others"}
          </button>
        </div>
      </form>
    </dialog>
  );
}
