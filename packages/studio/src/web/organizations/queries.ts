import { fromWireError, HoldfastError } from "@holdfast/core";
import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { request } from "@holdfast/web-parts/request";
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type {
  ImportedOrganization,
  OrganizationDetails,
  OrganizationSummary,
} from "../../contract/people.ts";
import { currentOrganization } from "../shared/organizations/current.ts";

const all = "/people/organizations";

export function organizationQuery() {
  return queryOptions({
    queryKey: ["organization"],
    queryFn: () => request<OrganizationDetails>("GET", `${all}/${currentOrganization()}`),
  });
}

/** What the page asks of the server. */
export const organizationsApi = {
  create: (name: string) => request<OrganizationSummary>("POST", all, { name }),
  rename: (id: string, name: string) => request<void>("PATCH", `${all}/${id}`, { name }),
  /** Where the archive is downloaded. */
  exportPath: (id: string) => `${all}/${id}/export`,
  import: async (name: string, file: File) => {
    const response = await fetch(`${all}/import?name=${encodeURIComponent(name)}`, {
      method: "POST",
      credentials: "same-origin",
      headers: { "content-type": "application/gzip" },
      body: file,
    }).catch((cause: unknown) => {
      throw new HoldfastError("client", "network_error", "The server does not answer", { cause });
    });
    const answer = (await response.json()) as Readonly<Record<string, unknown>>;
    if (!response.ok)
      throw fromWireError({ ...answer, message: answer["message"] ?? answer["detail"] }, response.status);
    return answer as unknown as ImportedOrganization;
  },
  /** `typed` is the name, as the person has typed it. */
  remove: (id: string, typed: string) => request<void>("DELETE", `${all}/${id}`, { name: typed }),
};

/** A change after which organizations are read again. */
export function useOrganizationsChange<Result, Input = string>(change: (input: Input) => Promise<Result>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: async () => {
      await Promise.all([["organization"], ["organizations"]].map((key) => refetchActive(queries, key)));
    },
  });
}
