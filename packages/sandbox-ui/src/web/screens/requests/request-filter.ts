import type { LoggedRequest } from "../../api/requests/request-log.ts";
import type { ListFilter } from "../list-filters.tsx";
import { isFailed, statusText } from "./request-text.ts";

export type RequestKind = "all" | "reads" | "changes" | "failed";

export const requestKinds: readonly { readonly value: RequestKind; readonly label: string }[] = [
  { value: "all", label: "All" },
  { value: "reads", label: "Reads" },
  { value: "changes", label: "Changes" },
  { value: "failed", label: "Failed" },
];

export function matchesFilter(request: LoggedRequest, { kind, search }: ListFilter<RequestKind>): boolean {
  const text = `${request.method} ${request.path} ${statusText(request)}`.toLowerCase();
  return isOfKind(request, kind) && text.includes(search.trim().toLowerCase());
}

function isOfKind(request: LoggedRequest, kind: RequestKind): boolean {
  switch (kind) {
    case "all":
      return true;
    case "reads":
      return request.method === "GET";
    case "changes":
      return request.method !== "GET";
    case "failed":
      return isFailed(request);
  }
}
