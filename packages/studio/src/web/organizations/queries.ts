import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { OrganizationDetails, OrganizationSummary } from "../../contract/people.ts";
import { currentOrganization } from "../shared/organizations/current.ts";
import { refetchActive } from "../shared/queries.ts";
import { request } from "../shared/request.ts";

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
  /** `typed` is the name, as the person has typed it. */
  remove: (id: string, typed: string) => request<void>("DELETE", `${all}/${id}`, { name: typed }),
};

/** A change after which organizations are read again. */
export function useOrganizationsChange<Result>(change: (input: string) => Promise<Result>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: async () => {
      await Promise.all([["organization"], ["organizations"]].map((key) => refetchActive(queries, key)));
    },
  });
}
