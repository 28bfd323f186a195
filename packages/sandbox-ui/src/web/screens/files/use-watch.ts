import { type FileRef, watchDirectory } from "@holdfast/web-parts/sandbox";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useApi } from "../../api/context.ts";
import { keys } from "../../api/queries.ts";

/** Refetches the directory when something in it changes, if the server supports watching. */
export function useWatch(directory: FileRef): void {
  const api = useApi();
  const queries = useQueryClient();
  useEffect(() => {
    const abort = new AbortController();
    const onChange = () => void queries.invalidateQueries({ queryKey: keys.directory(directory) });
    void watchDirectory(api, { directory, onChange, signal: abort.signal });
    return () => abort.abort();
  }, [api, directory, queries]);
}
