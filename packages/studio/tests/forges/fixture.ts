import { GitHubEmulator, type HostedRepository } from "@holdfast/testing/github";
import { GitHubForge } from "../../src/forges/github/github.ts";

/** A forge under test with one repository, `team/app`, that has a branch `feature` with one commit. */
export interface ForgeFixture {
  readonly forge: GitHubForge;
  readonly emulator: GitHubEmulator;
  readonly repository: HostedRepository;
  /** Every secret that may appear in no error. */
  secrets(): readonly string[];
}

export const repositoryName = "team/app";

export async function githubAsApp(): Promise<ForgeFixture> {
  const emulator = await GitHubEmulator.start();
  const repository = await emulator.addRepository(repositoryName);
  await emulator.addRepository("team/other");
  await repository.bare.commit("feature", { "feature.txt": "new\n" }, "Add a feature");
  const { appId, privateKey } = emulator.accounts;
  const { id: installationId } = emulator.accounts.install("team", [repositoryName, "team/other"]);
  const credential = { kind: "app", appId: String(appId), installationId, privateKey } as const;
  const forge = clientOf(emulator, credential);
  return { forge, emulator, repository, secrets: () => [...emulator.accounts.tokens.keys()] };
}

export async function githubWithToken(): Promise<ForgeFixture> {
  const emulator = await GitHubEmulator.start();
  const repository = await emulator.addRepository(repositoryName);
  await repository.bare.commit("feature", { "feature.txt": "new\n" }, "Add a feature");
  const token = emulator.accounts.personalToken("ada");
  const forge = clientOf(emulator, { kind: "token", token });
  return { forge, emulator, repository, secrets: () => [token] };
}

function clientOf(
  emulator: GitHubEmulator,
  credential: ConstructorParameters<typeof GitHubForge>[0]["credential"],
): GitHubForge {
  const wait = async () => {};
  return new GitHubForge({ apiUrl: emulator.apiUrl, credential, wait, now: () => emulator.now() });
}
