/** A task of the demo agent in a clone of a repository that an emulator of a forge hosts. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import type { HostedPullRequest, HostedRepository } from "@holdfast/testing/forges";
import type { PublicationView, StudioClient } from "../../src/index.ts";
import {
  type ForgeUnderTest,
  Summaries,
  startStudio,
  storeSecrets,
  webhookSecret,
} from "../repositories/support.ts";
import { sh, shareStudio, temporaryFolder, Watch } from "../support.ts";

/** A person's clone, whose remote is the address at the forge. */
export function cloneOf(t: TestContext, { emulator, repository }: ForgeUnderTest): string {
  const path = join(temporaryFolder(t), "app");
  sh("/", "clone", "-q", repository.bare.path, path);
  sh(path, "remote", "set-url", "origin", `${emulator.url}/${repository.fullName}.git`);
  return path;
}

export interface Published {
  readonly client: StudioClient;
  readonly forge: ForgeUnderTest;
  readonly id: string;
  readonly watch: Watch;
  /** The repository's id in the Studio. */
  readonly repositoryId: string;
}

/** Connects the repository, and lets the demo agent write a file in a task. */
export async function startTask(
  t: TestContext,
  forge: ForgeUnderTest,
  client: StudioClient,
): Promise<Published> {
  const summaries = await Summaries.watch(t, client);
  const { id: repositoryId } = await client.organization.connectRepository(forge.source);
  await summaries.until(({ id, status }) => id === repositoryId && status === "synced");
  const { id } = await client.organization.createTask({
    ...{ repository: cloneOf(t, forge), agent: "demo" },
    prompt: 'write "one" to one.txt without asking',
  });
  const watch = await Watch.open(client, id);
  t.after(() => watch.close());
  assert.equal((await watch.status("idle", "failed")).status, "idle");
  return { client, forge, id, watch, repositoryId };
}

const sharedStudio = shareStudio(() => ({ webDirectory: temporaryFolder() }));

/** The same with the forge's webhooks, in the Studio of the file, or in one of its own. */
export async function startPublishing(
  t: TestContext,
  connect: (t: TestContext) => Promise<ForgeUnderTest>,
  { isOwn = false } = {},
): Promise<Published> {
  const forge = await connect(t);
  const studio = await (isOwn ? startStudio(t, undefined, { runTasks: true }) : sharedStudio());
  await storeSecrets(studio.dataDirectory, forge);
  const task = await startTask(t, forge, studio.client);
  forge.emulator.sendWebhooksTo(`${studio.url}/forges/${task.repositoryId}`, webhookSecret);
  return task;
}

/** The first state of the publication that fits, now or later. */
export async function until(
  { client, id }: Pick<Published, "client" | "id">,
  fits: (view: Omit<PublicationView, "target" | "proposal">) => boolean,
): Promise<void> {
  const found = Promise.withResolvers<void>();
  const watch = await client.task(id).on("publicationChanged", (change) => {
    if (fits(change)) found.resolve();
  });
  try {
    if (!fits(await client.task(id).publication())) await found.promise;
  } finally {
    await watch.close();
  }
}

/** Name and message of the error that `promise` rejects with. */
export async function failure(
  promise: Promise<unknown>,
): Promise<{ readonly name: string; readonly message: string }> {
  const error: unknown = await promise.then(
    () => assert.fail("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof HoldfastError || isHoldfastError(error), String(error));
  return { name: `${error.group}.${error.code}`, message: error.message };
}

export function onlyPull({ forge }: Pick<Published, "forge">): HostedPullRequest {
  const pulls = [...forge.repository.pullRequests.values()];
  assert.equal(pulls.length, 1);
  return pulls[0] as HostedPullRequest;
}

const eve = { id: 9, login: "eve" };

export interface Fork {
  readonly fork: HostedRepository;
  readonly pull: HostedPullRequest;
}

/** A fork with a pull request into the repository. */
export async function openFork(
  { emulator, repository }: ForgeUnderTest,
  files: Readonly<Record<string, string>>,
  maintainersMayEdit: boolean,
): Promise<Fork> {
  const fork = await emulator.addRepository("eve/app");
  await fork.bare.git(["fetch", "--quiet", repository.bare.path, "+refs/heads/main:refs/heads/main"]);
  await fork.bare.refresh();
  await fork.bare.commit("fix", files, "Fix it");
  const head = { head: "fix", base: "main", author: eve, headRepository: fork, maintainersMayEdit };
  return { fork, pull: await repository.createPullRequest({ ...head, title: "Fix it" }) };
}
