import { ErrorNotice, useAnnounce } from "@holdfast/web-parts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useApi } from "../../api/context.ts";
import { isOutdated } from "../../api/errors.ts";
import { type Place, upload } from "../../api/files.ts";
import { keys } from "../../api/queries.ts";

/** Puts files of the person's machine into the directory; what has the same name is replaced only when asked. */
export function Upload({ directory }: { readonly directory: Place }) {
  const api = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const input = useRef<HTMLInputElement>(null);
  const [taken, setTaken] = useState<readonly File[]>([]);
  const work = useMutation({
    async mutationFn({ files, replace }: { readonly files: readonly File[]; readonly replace: boolean }) {
      setTaken([]);
      const refused: File[] = [];
      for (const file of files) {
        try {
          await upload(api, directory, file, replace);
        } catch (error) {
          if (!isOutdated(error)) throw error;
          refused.push(file);
        }
      }
      setTaken(refused);
      announce(refused.length === 0 ? "Uploaded." : "Some files are there already.");
    },
    onSettled: () => queries.invalidateQueries({ queryKey: keys.directory(directory) }),
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
          if (files.length > 0) work.mutate({ files, replace: false });
        }}
      />
      {work.isError && <ErrorNotice error={work.error} title="The upload failed." />}
      {taken.length > 0 && (
        <div className="notice notice-warning" role="alert">
          <p>There already: {taken.map(({ name }) => name).join(", ")}.</p>
          <p className="notice-foot">
            <button
              type="button"
              className="button button-small"
              onClick={() => work.mutate({ files: taken, replace: true })}
            >
              Replace
            </button>
            <button type="button" className="button button-small" onClick={() => setTaken([])}>
              Keep
            </button>
          </p>
        </div>
      )}
    </>
  );
}
