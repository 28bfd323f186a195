/** Repositories of emulated forges, connected to a real Studio. */
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openVault } from "@holdfast/gate";
import type { ForgeEmulator, HostedRepository } from "@holdfast/testing/forges";
import { startGitea } from "@holdfast/testing/gitea";
import { GitHubEmulator } from "@holdfast/testing/github";
import { startGitLab } from "@holdfast/testing/gitlab";
import {
  createStudio,
  type ForgeSource,
  type RepositorySummary,
  type Studio,
  type StudioClient,
  type StudioOptions,
} from "../../src/index.ts";
import { type Owner, temporaryFolder } from "../support.ts";

/** A hosted repository, and how a Studio connects to it. */
export interface ForgeUnderTest {
  readonly emulator: ForgeEmulator;
  readonly repository: HostedRepository;
  /** Its secrets are those of {@link secrets}. */
  readonly source: ForgeSource;
  /** Name in the vault of the token or key of its credential. */
  readonly secretName: string;
  /** Values of the vault by their names, which no other forge has. */
  readonly secrets: Readonly<Record<string, string>>;
}

export const webhookSecret = `whsec_${Buffer.from("a secret of webhooks").toString("base64")}`;
export const author = { id: 1, login: "ada" };
const fullName = "team/app";

/** A repository with two people and a label. */
async function addRepository(emulator: ForgeEmulator): Promise<HostedRepository> {
  const repository = await emulator.addRepository(fullName);
  repository.members.set("ada", "admin").set("grace", "read");
  repository.labels.push("bug");
  return repository;
}

let count = 0;

function newNames() {
  count += 1;
  return { secretName: `forge-${count}`, hooksName: `hooks-${count}` };
}

export async function githubApp(t: TestContext) {
  const emulator = await GitHubEmulator.start();
  t.after(() => emulator.close());
  const repository = await addRepository(emulator);
  const installation = emulator.accounts.install("team", [fullName]);
  const { appId, privateKey } = emulator.accounts;
  const { secretName, hooksName } = newNames();
  const source: ForgeSource = {
    ...{ kind: "forge", forge: "github", apiUrl: emulator.apiUrl, fullName },
    webhookSecret: hooksName,
    credential: {
      ...{ kind: "app", appId: String(appId), installationId: installation.id, secret: secretName },
    },
  };
  const secrets = {
    [secretName]: Buffer.from(privateKey).toString("base64"),
    [hooksName]: webhookSecret,
  };
  return { emulator, repository, source, secretName, secrets, installation };
}

async function tokenForge(t: TestContext, forge: "gitlab" | "gitea"): Promise<ForgeUnderTest> {
  const emulator = await (forge === "gitlab" ? startGitLab() : startGitea());
  t.after(() => emulator.close());
  const repository = await addRepository(emulator);
  const { secretName, hooksName } = newNames();
  const source: ForgeSource = {
    ...{ kind: "forge", forge, apiUrl: emulator.apiUrl, fullName, webhookSecret: hooksName },
    credential: { kind: "token", secret: secretName },
  };
  const secrets = { [secretName]: emulator.addToken("ada"), [hooksName]: webhookSecret };
  return { emulator, repository, source, secretName, secrets };
}

export const forges: Readonly<Record<string, (t: TestContext) => Promise<ForgeUnderTest>>> = {
  GitHub: githubApp,
  GitLab: (t) => tokenForge(t, "gitlab"),
  Gitea: (t) => tokenForge(t, "gitea"),
};

export async function storeSecrets(dataDirectory: string, { secrets }: ForgeUnderTest): Promise<void> {
  const vault = openVault(dataDirectory);
  for (const [name, value] of Object.entries(secrets)) await vault.setSecret({ name, owner: {} }, value);
}

/** A Studio with the secrets of a forge, which runs no task, and so proves no jail, unless the options say so. */
export async function startStudio(
  t: Owner,
  forge: ForgeUnderTest | undefined,
  options: Pick<StudioOptions, "limits" | "runTasks"> = {},
): Promise<Studio> {
  const dataDirectory = join(temporaryFolder(), "data");
  const studio = await createStudio({
    ...{ dataDirectory, webDirectory: temporaryFolder(), environment: { PATH: process.env.PATH } },
    ...{ vault: { logins: false }, runTasks: false, ...options },
  });
  t.after(() => studio.close());
  if (forge !== undefined) await storeSecrets(dataDirectory, forge);
  return studio;
}

/** Summaries of the repositories of an organization, as they change. */
export class Summaries {
  readonly #client: StudioClient;
  readonly seen: RepositorySummary[] = [];
  #changed = Promise.withResolvers<void>();

  private constructor(client: StudioClient) {
    this.#client = client;
  }

  static async watch(t: TestContext, client: StudioClient): Promise<Summaries> {
    const summaries = new Summaries(client);
    const subscription = await client.organization.on("repositoryChanged", (summary) => {
      summaries.seen.push(summary);
      summaries.#changed.resolve();
      summaries.#changed = Promise.withResolvers();
    });
    t.after(() => subscription.close());
    return summaries;
  }

  /** The first summary in the organization that fits, now or later. */
  async until(fits: (summary: RepositorySummary) => boolean): Promise<RepositorySummary> {
    for (;;) {
      const changed = this.#changed.promise;
      const found = (await this.#client.organization.listRepositories()).find(fits);
      if (found !== undefined) return found;
      await changed;
    }
  }
}
