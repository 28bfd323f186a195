import type { Studio } from "../../studio.ts";
import { readRecord, writeRecord } from "./folder.ts";
import type { DemoForge } from "./forge.ts";

/**
 * Connects the repositories through the App, and sets up their webhooks, as a person would. What an earlier start has done
 * stays; a repository that a person has removed since comes back.
 */
export async function connectRepositories(
  studio: Pick<Studio, "client" | "url">,
  directory: string,
  forge: DemoForge,
): Promise<void> {
  const { client, url: studioUrl } = studio;
  const { url, apiUrl, app } = forge;
  const record = await readRecord(directory);
  const connected = await client.organization.listRepositories();
  for (const name of forge.repositories) {
    const known = connected.find((each) => each.name === name);
    const input = { url: `${url}/${name}`, kind: "github", apiUrl, app } as const;
    const { id } = known ?? (await client.organization.addRepository(input));
    const repository = client.repository(id);
    const isSetUp = (await repository.get()).webhook?.isSetUp === true && record.studioUrl === studioUrl;
    if (!isSetUp) await repository.setUpWebhook(studioUrl);
  }
  await writeRecord(directory, { version: 1, studioUrl });
}
