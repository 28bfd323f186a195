import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, useAnnounce } from "@holdfast/web-parts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useApi } from "../../api/context.ts";
import { isConflict } from "../../api/errors.ts";
import { type FileRef, formatFileRef } from "../../api/file-ref.ts";
import { upload } from "../../api/files.ts";
import { keys } from "../../api/queries.ts";

/** Files and their target directory: the user may open another directory in the meantime. */
interface Wish {
  readonly into: FileRef;
  readonly files: readonly File[];
}

/** Uploads local files into the directory; existing files are replaced only on request. */
export function Upload({ directory }: { readonly directory: FileRef }) {
  const api = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const input = useRef<HTMLInputElement>(null);
  const [taken, setTaken] = useState<Wish>();
  const work = useMutation({
    async mutationFn({ into, files, replace }: Wish & { readonly replace: boolean }) {
      setTaken(undefined);
      const refused: File[] = [];
      for (const file of files) {
        try {
          await upload(api, into, file, replace);
        } catch (error) {
          if (!isConflict(error)) throw error;
          refused.push(file);
        }
      }
      if (refused.length > 0) setTaken({ into, files: refused });
      announce(refused.length === 0 ? "Uploaded." : "Some files already exist.");
    },
    onSettled: (_done, _error, { into }) => queries.invalidateQueries({ queryKey: keys.directory(into) }),
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
          if (files.length > 0) work.mutate({ into: directory, files, replace: false });
        }}
      />
      {work.isError && <ErrorNotice error={work.error} title="The upload failed." />}
      {taken !== undefined && (
        <div className="notice notice-warning" role="alert">
          <p>
            Existing files{taken.into !== directory && ` in ${visibleText(formatFileRef(taken.into))}`}:{" "}
            {taken.files.map(({ name }) => visibleText(name)).join(", ")}.
          </p>
          <p className="notice-foot">
            <button
              type="button"
              className="button button-small"
              onClick={() => work.mutate({ ...taken, replace: true })}
            >
              Replace
            </button>
            <button type="button" className="button button-small" onClick={() => setTaken(undefined)}>
              Keep
            </button>
          </p>
        </div>
      )}
    </>
  );
}
