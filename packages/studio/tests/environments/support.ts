import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { EnvironmentView, StudioClient } from "../../src/index.ts";
import { sh } from "../support.ts";

/** Commits files to a repository. */
export function commit(repository: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(repository, name)), { recursive: true });
    writeFileSync(join(repository, name), content);
  }
  sh(repository, "add", "-A");
  sh(repository, "commit", "-q", "-m", "change");
}

export const environmentFile = ".holdfast/environment.yaml";

/** Waits until a view satisfies `is`, driven by events. */
export async function untilEnvironment(
  client: StudioClient,
  id: string,
  is: (view: EnvironmentView) => boolean,
): Promise<EnvironmentView> {
  const found = Promise.withResolvers<EnvironmentView>();
  const look = () =>
    client
      .environment(id)
      .get()
      .then((view) => {
        if (is(view)) found.resolve(view);
      }, found.reject);
  const subscriptions = [
    await client.environment(id).on("changed", look),
    await client.environment(id).on("output", look),
  ];
  const timer = setTimeout(
    () =>
      void client
        .environment(id)
        .get()
        .then((view) => found.reject(new Error(`not reached: ${JSON.stringify(view)}`)), found.reject),
    120_000,
  );
  try {
    await look();
    return await found.promise;
  } finally {
    clearTimeout(timer);
    for (const each of subscriptions) await each.close();
  }
}

/** Prepares the last commit of a repository; resolves with the end. */
export async function prepare(
  client: StudioClient,
  repository: string,
  options: { readonly again?: boolean } = {},
): Promise<EnvironmentView> {
  const { id = "" } = await client.organization.prepareEnvironment(repository, options);
  return untilEnvironment(client, id, ({ status }) => status !== "preparing");
}
