import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { UsageQuery } from "../../contract/usage.ts";
import { usageCsv, usageCsvHead } from "../../usage/csv.ts";
import { useApi } from "../shared/context.ts";
import { useProfile } from "../shared/people.ts";
import type { StudioApi } from "../shared/port.ts";

/** Busy agents use something many times a second: the page follows at this pace. */
const followMs = 2_000;

export function reportQuery(api: StudioApi, query: UsageQuery) {
  return queryOptions({
    queryKey: ["usage", "report", query],
    queryFn: () => api.usage.report(query),
    placeholderData: keepPreviousData,
  });
}

export function budgetsQuery(api: StudioApi) {
  return queryOptions({ queryKey: ["usage", "budgets"], queryFn: () => api.usage.budgets() });
}

export function pricesQuery(api: StudioApi) {
  return queryOptions({ queryKey: ["usage", "prices"], queryFn: () => api.usage.prices() });
}

/** Whether this person sets budgets and prices. */
export function useMaySet(): boolean {
  const profile = useProfile();
  if (profile === undefined || profile.isOperator) return true;
  return profile.organizations.some(({ role }) => role === "admin" || role === "owner");
}

/** Changes a budget or a price, and reads what is shown again. */
export function useUsageChange<Input>(change: (api: StudioApi, input: Input) => Promise<void>) {
  const api = useApi();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (input: Input) => change(api, input),
    onSettled: () => refetchActive(queries, ["usage"]),
  });
}

/** Keeps the page live. */
export function useUsageLive(): void {
  const api = useApi();
  const queries = useQueryClient();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const follow = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void refetchActive(queries, ["usage"]);
      }, followMs);
    };
    const unwatch = api.watchUsage({
      on: { changed: follow },
      onState(next) {
        if (next === "online") void refetchActive(queries, ["usage"]);
      },
    });
    return () => {
      clearTimeout(timer);
      unwatch();
    };
  }, [api, queries]);
}

/** Saves all data of some days as a file. */
export async function downloadCsv(api: StudioApi, since: string, until: string): Promise<void> {
  const lines = [usageCsvHead];
  let cursor: string | undefined;
  do {
    const page = await api.usage.records({ since, until, ...(cursor === undefined ? {} : { cursor }) });
    for (const record of page.records) lines.push(usageCsv(record));
    cursor = page.cursor;
  } while (cursor !== undefined);
  const address = URL.createObjectURL(new Blob(lines, { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `usage-${since}-${until}.csv`;
  link.click();
  // The download has begun when this task is over.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
