/** A task of the demo agent on a repository of its own, whose changes are reviewed. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { isHoldfastError } from "@holdfast/core";
import type { CheckRun, CheckView, StudioClient } from "../../src/index.ts";
import { createStudio, type Studio, type StudioOptions } from "../../src/index.ts";
import { commit } from "../environments/support.ts";
import { makeRepository, shareStudio, temporaryFolder, Watch } from "../support.ts";

export interface ReviewedTask {
  readonly client: StudioClient;
  readonly id: string;
  readonly watch: Watch;
  readonly data: string;
  /** Reads and writes a file of the workspace. */
  read(path: string): string;
  write(path: string, content: string | Buffer): void;
  readonly workspace: string;
}

const sharedStudio = shareStudio(() => ({ environment: {} }));

/** Starts a task in the Studio of the file, or in one with options, and waits for the end of its first turn. */
export async function startReviewed(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  prompt = 'write "x" to x.txt without asking',
  options?: Partial<StudioOptions>,
): Promise<ReviewedTask> {
  const folder = temporaryFolder(t);
  const repository = makeRepository(folder);
  commit(repository, files);
  const studio = await (options === undefined ? sharedStudio() : own(t, folder, options));
  return taskIn(t, studio.client, { repository, data: studio.dataDirectory, prompt });
}

async function own(t: TestContext, folder: string, options: Partial<StudioOptions>): Promise<Studio> {
  const studio = await createStudio({ dataDirectory: join(folder, "data"), environment: {}, ...options });
  t.after(() => studio.close());
  return studio;
}

export async function taskIn(
  t: TestContext,
  client: StudioClient,
  { repository, data, prompt }: { repository: string; data: string; prompt: string },
): Promise<ReviewedTask> {
  const { id } = await client.organization.createTask({ repository, agent: "demo", prompt });
  const watch = await Watch.open(client, id);
  t.after(() => watch.close());
  const view = await watch.status("idle", "failed");
  assert.equal(view.status, "idle", JSON.stringify(view.error));
  const workspace = join(data, "tasks", id, "workspace");
  return {
    ...{ client, id, watch, data, workspace },
    read: (path) => readFileSync(join(workspace, path), "utf8"),
    write: (path, content) => writeFileSync(join(workspace, path), content),
  };
}

/** Waits until a check satisfies `is`, driven by events. */
export async function untilCheck(
  { client, id }: Pick<ReviewedTask, "client" | "id">,
  name: string,
  is: (run: CheckRun, check: CheckView) => boolean,
): Promise<CheckRun> {
  const found = Promise.withResolvers<CheckRun>();
  let last = "nothing";
  const look = () =>
    client
      .task(id)
      .checks()
      .then(({ checks }) => {
        const check = checks.find((each) => each.name === name);
        const [run] = check?.runs ?? [];
        last = JSON.stringify(run);
        if (check !== undefined && run !== undefined && is(run, check)) found.resolve(run);
      }, found.reject);
  const subscriptions = [
    await client.task(id).on("checksChanged", look),
    await client.task(id).on("checkOutput", look),
  ];
  const timer = setTimeout(() => found.reject(new Error(`not reached: ${last}`)), 120_000);
  try {
    await look();
    return await found.promise;
  } finally {
    clearTimeout(timer);
    for (const each of subscriptions) await each.close();
  }
}

/** The code of the error that a promise rejects with, with its group. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => assert.fail("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  assert.ok(isHoldfastError(error), String(error));
  return `${error.group}.${error.code}`;
}
