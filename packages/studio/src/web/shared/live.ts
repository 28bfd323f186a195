import type { LinkState } from "@holdfast/web-parts";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useApi } from "./context.ts";
import { mergeTask, mergeView, refetchActive } from "./queries.ts";

/** Keeps the list of tasks live. Mounted once; its state is that of the connection to the server. */
export function useOrganizationLive(): LinkState {
  const api = useApi();
  const queries = useQueryClient();
  const [state, setState] = useState<LinkState>("connecting");
  useEffect(
    () =>
      api.watchOrganization({
        on: { taskChanged: (task) => mergeTask(queries, task) },
        onState(next) {
          setState(next);
          // Events were missed while the connection was down.
          if (next === "online") void refetchActive(queries);
        },
      }),
    [api, queries],
  );
  return state;
}

/** Keeps one task's view live while a component shows it. */
export function useTaskLive(id: string): void {
  const api = useApi();
  const queries = useQueryClient();
  useEffect(
    () =>
      api.watchTask(id, {
        on: {
          changed: (view) => mergeView(queries, view),
          reviewChanged: () => void refetchActive(queries, ["task", id]),
        },
        onState(next) {
          if (next === "online") void refetchActive(queries, ["task", id]);
        },
      }),
    [api, queries, id],
  );
}
