import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useApi } from "../shared/context.ts";
import type { StudioApi } from "../shared/port.ts";

const retry = false;

export function plansQuery(api: StudioApi) {
  return queryOptions({ queryKey: ["billing", "plans"], queryFn: () => api.billing.plans(), retry });
}

export function invoicesQuery(api: StudioApi) {
  return queryOptions({ queryKey: ["billing", "invoices"], queryFn: () => api.billing.invoices(), retry });
}

/** Changes something at Stripe. With an address, the browser goes on there. */
export function useBillingChange<Input>(
  change: (api: StudioApi, input: Input) => Promise<{ readonly url: string | null } | undefined>,
) {
  const api = useApi();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (input: Input) => {
      const url = (await change(api, input))?.url ?? null;
      if (url !== null) window.location.assign(url);
      return url;
    },
    onSettled: () => refetchActive(queries, ["billing"]),
  });
}
