/** Writes the data of a Studio with people, in the middle of its work. Needs bubblewrap. */
import { connectWithCookie, createStudio, createStudioClient, type StudioClient } from "@holdfast/studio";
import { joinAs } from "../../../packages/studio/tests/people/studio-support.ts";
import { logIn, Watch } from "../../../packages/studio/tests/support.ts";
import { studioOptions } from "./studio.ts";

/** Runs a task of the demo agent until its status, or its question, is there. */
async function run(client: StudioClient, prompt: string, until: "idle" | "asks"): Promise<string> {
  const { id } = await client.organization.createTask({ repository: "sample", agent: "demo", prompt });
  const watch = await Watch.open(client, id);
  await watch.until(
    ({ status, approvals }) =>
      status === "failed" || (until === "idle" ? status === "idle" : approvals.length > 0),
    until,
  );
  const { error } = watch.latest;
  await watch.close();
  if (error !== undefined) throw new Error(`The task failed: ${error.group}.${error.code}, ${error.message}`);
  return id;
}

export async function writeStudio(dataDirectory: string): Promise<void> {
  const studio = await createStudio(studioOptions(dataDirectory));
  const bases = new AsyncDisposableStack();
  const clientOf = (cookie: string): StudioClient => {
    const base = connectWithCookie(studio.url, cookie);
    bases.defer(() => base.dispose());
    return createStudioClient(base);
  };
  try {
    const operator = { cookie: await logIn(studio.url, await studio.issueTicket()) };
    const ada = await joinAs(studio, operator, "owner", "ada@example.org");
    await joinAs(studio, ada.credentials, "viewer", "bob@example.org");
    const client = clientOf(ada.credentials["cookie"] ?? "");
    await studio.client.administration.setSecret("deploy-key", "a secret of the last release");
    await client.drafts(ada.id).save("new", { text: "Not sent yet", attachments: [] }, "a-browser");
    const finished = await run(client, 'add the line "Written before" to the README without asking', "idle");
    await client.task(finished).setLabels(["kept"]);
    const [file] = (await client.task(finished).diff()).files;
    if (file === undefined) throw new Error("The task has changed no file");
    await client.task(finished).markViewed([{ path: file.path, contentId: file.contentId }]);
    await run(client, 'add the line "Asked before" to the README', "asks");
    const { repository } = await client.task(finished).get();
    const { id } = await client.schedules.save({
      ...{ name: "Yearly", prompt: "Tidy up", repository, agent: "demo" },
      ...{ cron: "0 0 1 1 *", timezone: "UTC" },
    });
    await client.schedules.pause(id, true);
    await client.usage.saveBudget({ id: "all", scope: "organization", period: "month", tokens: 1_000_000 });
  } finally {
    await bases.disposeAsync();
    await studio.close();
  }
}
