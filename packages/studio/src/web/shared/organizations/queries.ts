import { request } from "@holdfast/web-parts/request";
import { queryOptions, useQuery } from "@tanstack/react-query";
import type { OrganizationSummary, Profile } from "../../../contract/people.ts";
import { useProfile } from "../people.ts";
import { currentOrganization } from "./current.ts";

export type Role = OrganizationSummary["role"];

/** The organizations of whoever is signed in, where people have accounts. */
export function organizationsQuery(enabled: boolean) {
  return queryOptions({
    queryKey: ["organizations"],
    queryFn: async () =>
      (
        await request<{ readonly organizations: readonly OrganizationSummary[] }>(
          "GET",
          "/people/organizations",
        )
      ).organizations,
    enabled,
  });
}

/** Empty where the operator is the only person, and until it is known. */
export function useOrganizations(): readonly OrganizationSummary[] {
  return useQuery(organizationsQuery(useProfile() !== undefined)).data ?? none;
}

const none: readonly OrganizationSummary[] = [];

/** What a person may do in the organization of this page: the operator all that an owner may. */
/** True for whoever may change tasks here: everybody but viewers. */
export function maySteer(profile: Profile | undefined): boolean {
  return roleHere(profile) !== "viewer";
}

export function roleHere(profile: Profile | undefined): Role | undefined {
  if (profile === undefined || profile.isOperator) return "owner";
  return profile.organizations.find(({ id }) => id === currentOrganization())?.role;
}
