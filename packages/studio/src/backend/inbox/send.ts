import { isErrorCode } from "@holdfast/core";
import { organizationOfId } from "../../access/organization-ids.ts";
import type { BackendHost } from "../host.ts";
import type { TaskNews } from "./news.ts";

/** The part of a task's context that is used here. */
interface SendingTask {
  readonly state: { readonly id: string };
  client(): {
    getOrCreate(name: string, key: string[]): { send(queue: string, body: unknown): Promise<unknown> };
  };
}

/** Sends news of a task to the inboxes of people. Durable with the turn that sends it, and delivered once. */
export async function sendNews(
  host: Pick<BackendHost, "ports">,
  c: SendingTask,
  news: TaskNews,
): Promise<void> {
  try {
    await c
      .client()
      .getOrCreate("attention", [organizationOfId(c.state.id)])
      .send("news", news);
  } catch (error) {
    // The organization is being deleted with its tasks: nobody reads it.
    if (isErrorCode(error, "organization", "not_found")) return;
    host.ports.log.error("could not report news of a task", { taskId: c.state.id, error });
  }
}
