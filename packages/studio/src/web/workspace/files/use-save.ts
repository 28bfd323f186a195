import { useAnnounce } from "@holdfast/web-parts";
import { type FileRef, isConflict, saveText } from "@holdfast/web-parts/sandbox";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { keys } from "../queries.ts";
import { useTaskSandbox } from "../task-sandbox.ts";
import type { Drafts } from "./drafts.ts";

/** Saves the draft of a file over the version that it is based on, and drops it. */
export function useSave(file: FileRef, drafts: Drafts) {
  const { http, taskId } = useTaskSandbox();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const queryKey = keys.file(taskId, file);
  const save = useMutation({
    mutationFn: ({ text, etag }: { readonly text: string; readonly etag: string | undefined }) =>
      saveText(http, file, text, etag),
    async onSuccess(saved) {
      // A read that began before the save would bring back the version before it.
      await queries.cancelQueries({ queryKey });
      queries.setQueryData(queryKey, saved);
      drafts.saved(file, saved);
      announce("Saved.");
    },
    onError: (error) => {
      // What the file has become is shown beside the edit.
      if (isConflict(error)) void queries.invalidateQueries({ queryKey });
    },
  });
  const reload = () => {
    drafts.drop(file);
    save.reset();
    void queries.invalidateQueries({ queryKey });
  };
  return { save, reload };
}
