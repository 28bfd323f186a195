import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, useAnnounce } from "@holdfast/web-parts";
import { type FileRef, formatFileRef, isConflict, upload } from "@holdfast/web-parts/sandbox";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useApi } from "../../api/context.ts";
import { keys } from "../../api/queries.ts";

/** Files and their target directory: the user may open another directory in the meantime. */
interface UploadRequest {
  readonly directory: FileRef;
  readonly files: readonly File[];
}

/** Uploads local files into the directory; existing files are replaced only on request. */
export function Upload({ directory }: { readonly directory: FileRef }) {
  const api = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const input = useRef<HTMLInputElement>(null);
  const [conflict, setConflict] = useState<UploadRequest>();
  const work = useMutation({
    async mutationFn({ directory: target, files, replace }: UploadRequest & { readonly replace: boolean }) {
      setConflict(undefined);
      const existing: File[] = [];
      for (const file of files) {
        try {
          await upload(api, target, file, replace);
        } catch (error) {
          if (!isConflict(error)) throw error;
          existing.push(file);
        }
      }
      if (existing.length > 0) setConflict({ directory: target, files: existing });
      announce(existing.length === 0 ? "Uploaded." : "Some files already exist.");
    },
    onSettled: (_done, _error, { directory: target }) =>
      queries.invalidateQueries({ queryKey: keys.directory(target) }),
  });
  return (
    <>
      <button
        type="button"
        className="button button-small"
        disabled={work.isPending}
        onClick={() => input.current?.click()}
      >
        {work.isPending ? "Uploading…" : "Upload"}
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files to upload"
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          event.target.value = "";
          if (files.length > 0) work.mutate({ directory, files, replace: false });
        }}
      />
      {work.isError && <ErrorNotice error={work.error} title="The upload failed." />}
      {conflict !== undefined && (
        <div className="notice notice-warning" role="alert">
          <p>
            Existing files
            {conflict.directory !== directory && ` in ${visibleText(formatFileRef(conflict.directory))}`}:{" "}
            {conflict.files.map(({ name }) => visibleText(name)).join(", ")}.
          </p>
          <p className="notice-foot">
            <button
              type="button"
              className="button button-small"
              onClick={() => work.mutate({ ...conflict, replace: true })}
            >
              Replace
            </button>
            <button type="button" className="button button-small" onClick={() => setConflict(undefined)}>
              Keep
            </button>
          </p>
        </div>
      )}
    </>
  );
}
