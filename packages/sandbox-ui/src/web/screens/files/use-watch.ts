import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useApi } from "../../api/context.ts";
import { type Place, placeQuery } from "../../api/files.ts";
import { keys } from "../../api/queries.ts";
import { readServerSent } from "../../api/server-sent.ts";

/** Lists the directory again when something in it changes; where the server cannot watch, nothing does. */
export function useWatch(directory: Place): void {
  const api = useApi();
  const queries = useQueryClient();
  useEffect(() => {
    const abort = new AbortController();
    const call = { query: placeQuery(directory), signal: abort.signal };
    const watch = async () => {
      const response = await api.send("/v1/fs/watch", call);
      await readServerSent(response, (event) => {
        if (event === "change") void queries.invalidateQueries({ queryKey: keys.directory(directory) });
      });
    };
    watch().catch(() => {
      // The listing has its own error and its own way to try again.
    });
    return () => abort.abort();
  }, [api, directory, queries]);
}
