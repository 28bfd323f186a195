import type {
  CronJobInfo,
  PreviewUrl,
  SerializableCronJobOptions,
  VmFetchOptions,
  VmFetchResponse,
} from "../types.ts";
import { parts, type WithMachine } from "./with-machine.ts";

/** Requests to servers in the machine, and jobs on a schedule. */
export const networkActions = {
  vmFetch: (c: WithMachine, port: number, url: string, options?: VmFetchOptions): Promise<VmFetchResponse> =>
    parts(c).network.fetch(port, url, options),
  createSignedPreviewUrl: (c: WithMachine, port: number, expiresInSeconds?: number): Promise<PreviewUrl> =>
    parts(c).network.createPreview(port, expiresInSeconds),
  expireSignedPreviewUrl: (c: WithMachine, token: string): Promise<void> =>
    parts(c).network.expirePreview(token),

  scheduleCron: (c: WithMachine, job: SerializableCronJobOptions): Promise<{ id: string }> =>
    parts(c).cron.schedule(job),
  listCronJobs: (c: WithMachine): Promise<CronJobInfo[]> => parts(c).cron.list(),
  cancelCronJob: (c: WithMachine, id: string): Promise<void> => parts(c).cron.cancel(id),
};
