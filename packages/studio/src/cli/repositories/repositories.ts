/** `holdfast repositories`: connects repositories, checks their connections, and removes them. */
import { readFile } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import {
  dataDirectoryOf,
  harmless,
  jsonLine,
  noArguments,
  oneArgument,
  parse,
  UsageError,
  verbOf,
} from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import type {
  AddRepositoryInput,
  ConnectionCheck,
  RepositorySummary,
  StudioClient,
  WebhookSetup,
} from "@holdfast/studio";
import { readSecret } from "../gate/secret-input.ts";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";
import { sshConnection } from "./connect-ssh.ts";

export const repositoriesUsage = `holdfast repositories list | connect ADDRESS | check NAME | sync NAME | cancel NAME
               | branches NAME | webhook NAME URL | set NAME | remove NAME

  list                 lists the connected repositories: their state, branches and open pull requests
  connect ADDRESS      connects a repository: its https address, the path of a folder of this machine,
                       or git@host:path: the first run prints a key and a fingerprint, the second connects
  check NAME           tries each part of the connection, and says what does not work
  sync NAME            compares it with its server and fetches it, now
  cancel NAME          ends a fetch that runs
  branches NAME        lists its branches; holdfast pulls list NAME its pull requests
  webhook NAME URL     sets up its webhook with a new secret; URL is the Studio's address as the forge
                       reaches it
  set NAME             changes a setting: --archive-merged on or off archives tasks when their pull
                       request was merged
  remove NAME          removes the copy and the token here; the repository itself is left alone
  --token              with connect: reads a token from standard input; without one, only what is public
  --kind KIND          with connect: github, gitlab, gitea, or git for any other server (default: by the address)
  --username NAME      with connect: user for git, where a server does not take any
  --api-url URL        with connect: the forge's API, if it is not at its usual place
  --app-id ID          with connect: an App of GitHub instead of a token, with the two options below
  --installation ID    with connect: number of the App's installation
  --key-file FILE      with connect: private key of the App, a PEM file; or of SSH, instead of a new one
  --ssh-key ID         with connect over SSH: the key that the first run has printed, with the option below
  --fingerprint TEXT   with connect over SSH: the fingerprint that you have compared
  --webhook-url URL    with check: sets up the webhook, with the Studio's address as the forge reaches it
  --organization ID    an organization besides the first one, by its id or name
  --data DIR           data directory (default: HOLDFAST_DATA or .holdfast)
  --json               machine-readable output

NAME is a repository's name or its id. Exit code: 0 done, 1 a check failed, 2 wrong usage.`;

const verbs = [
  ...(["list", "connect", "check", "sync", "cancel"] as const),
  ...(["branches", "webhook", "set", "remove"] as const),
] as const;
const kinds = ["github", "gitlab", "gitea", "git"] as const;

export async function repositoriesCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    ...organizationOption,
    ...{ token: { type: "boolean" }, kind: { type: "string" }, username: { type: "string" } },
    ...{ "api-url": { type: "string" }, "app-id": { type: "string" }, installation: { type: "string" } },
    ...{ "key-file": { type: "string" }, "webhook-url": { type: "string" } },
    ...{
      "archive-merged": { type: "string" },
      "ssh-key": { type: "string" },
      fingerprint: { type: "string" },
    },
  });
  const [given, ...rest] = positionals;
  if (values.help === true) {
    console.log(repositoriesUsage);
    return 0;
  }
  const verb = verbOf("repositories", verbs, given);
  if (verb === "list") noArguments(rest);
  const takesUrl = verb === "webhook";
  const named = takesUrl ? rest.slice(0, 1) : rest;
  const name = verb === "list" ? "" : oneArgument(named, verb === "connect" ? "The address" : "The name");
  const url = takesUrl ? oneArgument(rest.slice(1), "The Studio's address") : "";
  const json = values.json === true;
  const ssh = verb === "connect" ? sshConnection(name, values) : undefined;
  const input = verb === "connect" && ssh === undefined ? await inputOf(name, values) : undefined;
  const archives = verb === "set" ? switchOf(values["archive-merged"]) : undefined;
  return withOwnerAccess(values, async ({ client }) => {
    if (ssh !== undefined) return ssh(client, json, dataDirectoryOf(values.data));
    if (input !== undefined) {
      const added = await client.organization.addRepository(input);
      console.log(json ? jsonLine(added) : `Connected ${harmless(added.name)}.`);
      return 0;
    }
    if (verb === "list") return list(await client.organization.listRepositories(), json);
    const { id } = await findRepository(client, name);
    if (archives !== undefined) {
      await client.repository(id).archiveMerged(archives);
      const text = archives ? "Tasks are archived when they are merged." : "Merged tasks stay in the list.";
      console.log(json ? jsonLine({ id, archivesMerged: archives }) : text);
      return 0;
    }
    switch (verb) {
      case "check": {
        const address = values["webhook-url"];
        const setup = address === undefined ? undefined : await client.repository(id).setUpWebhook(address);
        return showChecks(await client.repository(id).check(), setup, json);
      }
      case "branches":
        return listBranches(client, id, json);
      case "webhook": {
        const setup = await client.repository(id).setUpWebhook(url);
        if (json) console.log(jsonLine(setup));
        else if (setup.isSetUp) console.log(`The webhook is set up: ${harmless(setup.url)}`);
        else showWebhook(setup);
        return 0;
      }
      case "cancel":
        await client.repository(id).cancelFetch();
        console.log(json ? jsonLine({ id, cancelled: true }) : "No fetch runs any more.");
        return 0;
      case "sync":
        await client.repository(id).sync();
        console.log(json ? jsonLine({ id, syncing: true }) : "The sync has begun.");
        return 0;
      default:
        await client.organization.disconnectRepository(id);
        console.log(json ? jsonLine({ id, removed: true }) : "Removed. The repository itself is left alone.");
        return 0;
    }
  });
}

interface ConnectOptions {
  readonly token?: boolean;
  readonly kind?: string;
  readonly username?: string;
  readonly "api-url"?: string;
  readonly "app-id"?: string;
  readonly installation?: string;
  readonly "key-file"?: string;
}

async function inputOf(address: string, options: ConnectOptions): Promise<AddRepositoryInput> {
  if (isAbsolute(address) || /^\.{0,2}\//.test(address) || address === ".") return { path: resolve(address) };
  const { token, username, installation } = options;
  const kind = kinds.find((each) => each === options.kind);
  if (options.kind !== undefined && kind === undefined)
    throw new UsageError(`--kind is one of ${kinds.join(", ")}`);
  const app = [options["app-id"], installation, options["key-file"]];
  const [appId, number, keyFile] = app;
  if (app.some((each) => each !== undefined) && app.includes(undefined))
    throw new UsageError("An App needs --app-id, --installation and --key-file");
  if (appId !== undefined && token === true) throw new UsageError("Give --token or an App, not both");
  return {
    url: address,
    ...(kind === undefined ? {} : { kind }),
    ...(username === undefined ? {} : { username }),
    ...(options["api-url"] === undefined ? {} : { apiUrl: options["api-url"] }),
    ...(token === true ? { token: await readSecret("Token: ") } : {}),
    ...(appId === undefined || number === undefined || keyFile === undefined
      ? {}
      : { app: { appId, installationId: Number(number), privateKey: await readFile(keyFile, "utf8") } }),
  };
}

/** A connected repository by its name, its id or its folder. Throws `repository.not_connected`. */
export async function findRepository(client: StudioClient, name: string): Promise<RepositorySummary> {
  const all = await client.organization.listRepositories();
  const path = resolve(name);
  const found = all.filter((each) => each.id === name || each.name === name || each.name === path);
  const [only, ...more] = found;
  if (only !== undefined && more.length === 0) return only;
  const message =
    only === undefined
      ? `No connected repository is named ${name}. See: holdfast repositories list`
      : `${found.length} repositories are named ${name}. Give the id of one: holdfast repositories list --json`;
  throw new HoldfastError("repository", "not_connected", message, { statusCode: 404 });
}

function list(repositories: readonly RepositorySummary[], json: boolean): number {
  for (const repository of repositories)
    console.log(json ? jsonLine(repository) : repositoryText(repository));
  if (repositories.length === 0 && !json)
    console.log("No repository is connected. Connect one: holdfast repositories connect ADDRESS");
  return 0;
}

/** One line, and another one for what does not work. */
export function repositoryText(repository: RepositorySummary): string {
  const { name, kind, status, branches, openPullRequests, error, mirror } = repository;
  const state = mirror?.status === "fetching" ? "fetching" : status;
  const counts = `${branches} branches  ${openPullRequests} open pull requests`;
  const line = `${harmless(name).padEnd(32)} ${kind.padEnd(7)} ${state.padEnd(9)} ${counts}`;
  const problem = error ?? mirror?.error;
  return problem === undefined || problem === null
    ? line
    : `${line}\n   ${harmless(problem.message)} (${problem.code})`;
}

function showChecks(
  checks: readonly ConnectionCheck[],
  setup: WebhookSetup | undefined,
  json: boolean,
): number {
  if (json) console.log(jsonLine({ checks, ...(setup === undefined ? {} : { webhook: setup }) }));
  else {
    for (const { status, name, detail, next } of checks) {
      console.log(`${status.padEnd(8)} ${name.padEnd(20)} ${harmless(detail)}`);
      if (next !== undefined) console.log(`${" ".repeat(30)}${next}`);
    }
    if (setup?.isSetUp === false) showWebhook(setup);
  }
  return checks.some(({ status }) => status === "failed") ? 1 : 0;
}

function showWebhook({ reason, url, secret }: WebhookSetup & { readonly isSetUp: false }): void {
  console.log(`\nThe webhook was not set up: ${harmless(reason)}`);
  console.log(`Add it at the forge, for pushes and pull requests, as JSON. It is shown this once:`);
  console.log(`  address  ${url}\n  secret   ${secret}`);
}

async function listBranches(client: StudioClient, id: string, json: boolean): Promise<number> {
  let after: string | undefined;
  for (;;) {
    const page = await client.repository(id).branches(after === undefined ? {} : { after });
    for (const branch of page) {
      const { name, commit, isProtected } = branch;
      const text = `${commit.slice(0, 12)}  ${harmless(name)}${isProtected ? "  (protected)" : ""}`;
      console.log(json ? jsonLine(branch) : text);
    }
    const last = page.at(-1)?.name;
    if (last === undefined || last === after) return 0;
    after = last;
  }
}

/** Throws a usage error. */
function switchOf(value: string | undefined): boolean {
  if (value === "on" || value === "off") return value === "on";
  throw new UsageError("set needs --archive-merged on or off");
}
