/** Clients of forges with an emulator each, and one shape for the suites that every client passes. */
import assert from "node:assert/strict";
import { HoldfastError } from "@holdfast/core";
import type { ForgeEmulator, HostedRepository } from "@holdfast/testing/forges";
import { startGitea } from "@holdfast/testing/gitea";
import { GitHubEmulator } from "@holdfast/testing/github";
import { startGitLab } from "@holdfast/testing/gitlab";
import type { Forge } from "../../src/forges/forge.ts";
import { GiteaForge } from "../../src/forges/gitea/gitea.ts";
import { GitHubForge } from "../../src/forges/github/github.ts";
import { GitLabForge } from "../../src/forges/gitlab/gitlab.ts";
import type { ForgeDelivery, Webhook } from "../../src/forges/webhooks/event.ts";
import { readGiteaWebhook } from "../../src/forges/webhooks/gitea.ts";
import { readGitHubWebhook } from "../../src/forges/webhooks/github.ts";
import { readGitLabWebhook } from "../../src/forges/webhooks/gitlab.ts";

/** A forge under test with one repository, `team/app`, that has a branch `feature` with one commit. */
export interface ForgeFixture {
  readonly forge: Forge;
  readonly emulator: ForgeEmulator;
  readonly repository: HostedRepository;
  readonly readWebhook: (webhook: Webhook) => ForgeDelivery;
  /** Secret for webhooks, in the form that the forge takes. Default: the name itself. */
  readonly webhookSecret?: (name: string) => string;
  /** Every secret that may appear in no error. */
  secrets(): readonly string[];
  /** Takes the access away, as the owner of the repository does at the forge. */
  revoke(): void;
}

export const repositoryName = "team/app";

/** Backoff without waiting. */
const wait = async () => {};

async function hostedRepository(emulator: ForgeEmulator): Promise<HostedRepository> {
  const repository = await emulator.addRepository(repositoryName);
  await emulator.addRepository("team/other");
  repository.members.set("ada", "admin").set("grace", "read");
  repository.labels.push("bug");
  await repository.bare.commit("feature", { "feature.txt": "new\n" }, "Add a feature");
  return repository;
}

export async function githubAsApp() {
  const emulator = await GitHubEmulator.start();
  const repository = await hostedRepository(emulator);
  const { accounts } = emulator;
  const { appId, privateKey } = accounts;
  const installation = accounts.install("team", [repositoryName, "team/other"]);
  const installed = { appId: String(appId), installationId: installation.id, privateKey };
  const credential = { kind: "app", ...installed } as const;
  const options = { apiUrl: emulator.apiUrl, credential, wait, now: () => emulator.now() };
  return {
    ...{ forge: new GitHubForge(options), emulator, repository, readWebhook: readGitHubWebhook },
    secrets: () => [...accounts.tokens.keys()],
    revoke: () => emulator.uninstall(installation),
  } satisfies ForgeFixture;
}

async function githubWithToken() {
  const emulator = await GitHubEmulator.start();
  const repository = await hostedRepository(emulator);
  const token = emulator.accounts.personalToken("ada");
  const credential = { kind: "token", token } as const;
  const options = { apiUrl: emulator.apiUrl, credential, wait, now: () => emulator.now() };
  return {
    ...{ forge: new GitHubForge(options), emulator, repository, readWebhook: readGitHubWebhook },
    secrets: () => [token],
    revoke: () => emulator.accounts.tokens.clear(),
  } satisfies ForgeFixture;
}

async function gitea() {
  const emulator = await startGitea();
  const repository = await hostedRepository(emulator);
  const token = emulator.addToken("ada");
  const options = { apiUrl: emulator.apiUrl, token, wait, now: () => emulator.now() };
  return {
    ...{ forge: new GiteaForge(options), emulator, repository, readWebhook: readGiteaWebhook },
    secrets: () => [token],
    revoke: () => emulator.tokens.clear(),
  } satisfies ForgeFixture;
}

const dayMs = 24 * 60 * 60 * 1000;

async function gitlab(login: string, grant: { readonly repositories?: readonly string[] } = {}) {
  const emulator = await startGitLab();
  const repository = await hostedRepository(emulator);
  // Tokens end at the beginning of a day.
  const expiresAt = Math.ceil(emulator.now() / dayMs) * dayMs + dayMs;
  const token = emulator.addToken(login, grant.repositories === undefined ? {} : { ...grant, expiresAt });
  const options = { apiUrl: emulator.apiUrl, token, wait, now: () => emulator.now() };
  return {
    ...{ forge: new GitLabForge(options), emulator, repository, readWebhook: readGitLabWebhook },
    webhookSecret: (name: string) => `whsec_${Buffer.from(name).toString("base64")}`,
    secrets: () => [token],
    revoke: () => emulator.tokens.clear(),
  } satisfies ForgeFixture;
}

/** Every client, with the name of its suite. */
export const clients: Readonly<Record<string, () => Promise<ForgeFixture>>> = {
  "GitHub as an App": githubAsApp,
  "GitHub with a token": githubWithToken,
  Gitea: gitea,
  "GitLab with a token": () => gitlab("ada"),
  "GitLab with a project's token": () => gitlab("project_1_bot_ada", { repositories: [repositoryName] }),
};

/** The error of the group "forge" that `promise` rejects with. */
export async function failure(promise: Promise<unknown>): Promise<HoldfastError> {
  const error = await promise.then(
    () => assert.fail("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof HoldfastError, String(error));
  assert.equal(error.group, "forge");
  return error;
}

export function reasonOf({ metadata }: HoldfastError): unknown {
  return (metadata as { readonly reason?: unknown } | undefined)?.reason;
}
