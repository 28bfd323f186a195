import { queryOptions } from "@tanstack/react-query";
import type { DiffCompare } from "../../contract.ts";
import type { StudioApi } from "../shared/port.ts";
import { compareKey } from "./compare/diff-source.ts";

export function diffQuery(api: StudioApi, id: string, compare: DiffCompare = { kind: "base" }) {
  // Refetched whenever it is shown: no event reports changes.
  return queryOptions({
    queryKey: ["diff", id, compareKey(compare)],
    queryFn: () => api.task(id).diff({ compare }),
    staleTime: 0,
  });
}
