import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { BillingNotice } from "../../../contract/billing.ts";
import { useApi } from "../context.ts";
import { roleHere } from "../organizations/queries.ts";
import { signInOptionsQuery, useProfile } from "../people.ts";
import type { StudioApi } from "../port.ts";

export function overviewQuery(api: StudioApi) {
  return queryOptions({
    queryKey: ["billing", "overview"],
    queryFn: () => api.billing.overview(),
    retry: false,
  });
}

/** What owners and admins must know on each page; nothing for others, and where nothing is sold. Keeps billing live. */
export function useBillingErrors(): readonly BillingNotice[] {
  const api = useApi();
  const queries = useQueryClient();
  const { data: options } = useQuery(signInOptionsQuery());
  const profile = useProfile();
  const isAdmin =
    profile === undefined ? options?.people === false : ["admin", "owner"].includes(roleHere(profile) ?? "");
  const isShown = options?.billing === true && isAdmin;
  const { data } = useQuery({ ...overviewQuery(api), enabled: isShown });
  useEffect(() => {
    if (!isShown) return;
    const follow = () => void refetchActive(queries, ["billing"]);
    return api.watchBilling({
      on: { changed: follow },
      onState: (state) => {
        if (state === "online") follow();
      },
    });
  }, [api, queries, isShown]);
  return data?.notices.filter(({ severity }) => severity === "error") ?? [];
}
