/** The labels of a task in its head, and the dialog that changes them. */
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmDialog, useAnnounce } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import type { TaskView } from "../../contract.ts";
import { labelChange } from "../../labels/label-change.ts";
import { useApi } from "../shared/context.ts";
import { NamesField, namesOf } from "../shared/names/names-field.tsx";
import { maySteer } from "../shared/organizations/queries.ts";
import { useProfile } from "../shared/people.ts";

export function Labels({ task }: { readonly task: TaskView }) {
  const { labels = [] } = task;
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const mayEdit = maySteer(useProfile());
  const navigate = useNavigate();
  // A command opens the dialog with this fragment; its key differs each time.
  const asked = useRouterState({
    select: ({ resolvedLocation: at }) => (at?.hash === "labels" ? at.state.__TSR_key : undefined),
  });
  useEffect(() => {
    if (asked !== undefined) setOpen(true);
  }, [asked]);
  if (labels.length === 0 && !mayEdit) return null;
  return (
    <span className="task-labels">
      {labels.map((label) => (
        <Link key={label} to="/" search={{ label }} className="tag label-tag" title="Tasks with this label">
          {visibleText(label)}
        </Link>
      ))}
      {mayEdit && (
        <button
          ref={button}
          type="button"
          className="link-button"
          aria-haspopup="dialog"
          onClick={() => setOpen(true)}
        >
          {labels.length === 0 ? "Add labels" : "Edit labels"}
        </button>
      )}
      {mayEdit && isOpen && (
        <LabelsDialog
          task={task}
          onClose={() => {
            setOpen(false);
            button.current?.focus();
            // Without it, the way back to this page would open the dialog again.
            if (asked !== undefined) void navigate({ to: ".", search: true, hash: "", replace: true });
          }}
        />
      )}
    </span>
  );
}

function LabelsDialog({ task, onClose }: { readonly task: TaskView; readonly onClose: () => void }) {
  const api = useApi();
  const announce = useAnnounce();
  // Others may label the task while the dialog is open: only what this person changes is sent.
  const [before] = useState(task.labels ?? []);
  const [text, setText] = useState(before.join(", "));
  const { data: known = [] } = useQuery({
    queryKey: ["known-labels"],
    queryFn: async () => (await api.organization.countTasks()).labels.map(({ value }) => value),
    staleTime: 0,
  });
  return (
    <ConfirmDialog
      title="Labels of this task"
      dismissLabel="Cancel"
      confirmLabel="Save"
      confirmClassName="button button-primary"
      action={() => api.task(task.id).changeLabels(labelChange(before, namesOf(text)))}
      onDone={() => announce("The labels were saved.")}
      onClose={onClose}
    >
      <NamesField label="Labels" value={text} choices={known} onChange={setText} />
    </ConfirmDialog>
  );
}
