import {
  askControl,
  type ControlServer,
  cliLogger,
  dataDirectoryOf,
  endLogin,
  exchangeTicket,
  notRunning,
  type OwnerLink,
  prepareDataDirectory,
  serveControl,
} from "@holdfast/cli";
import type { Studio, StudioClient, StudioOptions } from "@holdfast/studio";
import { localOrganization } from "../../access/organization-ids.ts";
import { createStudioClient } from "../../client.ts";
import { connectWithHeaders } from "../../remote.ts";
import { headersOf, organizationOfPerson } from "../people/as-person.ts";
import { type Login, readLogin } from "../people/login-file.ts";
import { findOrganization } from "./find-organization.ts";
import type { JailChoice } from "./jail-choice.ts";
import { sharedStoreUrl } from "./shared-store.ts";

/** A connection to a Studio, in this process or another: the owner's, or that of a person who has logged in. */
export interface OwnerAccess {
  readonly client: StudioClient;
  /** False if the Studio stops with a command: this one, or another one that started it. */
  readonly isPersistent: boolean;
  close(): Promise<void>;
}

/** The option of commands that act in one organization. */
export const organizationOption = { organization: { type: "string" } } as const;

export interface OwnerOptions {
  /** Value of `--organization`, if given: an id or a name. The first organization without it. */
  readonly organization?: string | undefined;
  /** Value of `--data`, if given. */
  readonly data?: string | undefined;
  /** Isolation of the agents, if this command starts a Studio. */
  readonly jails?: JailChoice;
  /**
   * Tasks to run if this command starts a Studio; none by default. Interrupted tasks are left alone: resuming and
   * aborting them with each command would use up their attempts.
   */
  readonly runTasks?: StudioOptions["runTasks"];
}

/**
 * Runs `work` with the access of the person of `holdfast login`, or else of the data directory's owner, and always closes
 * it afterwards. Whoever names a data directory means its owner.
 */
export async function withOwnerAccess(
  options: OwnerOptions,
  work: (owner: OwnerAccess) => Promise<number>,
): Promise<number> {
  const owner = await open(options);
  try {
    return await work(owner);
  } finally {
    await owner.close();
  }
}

/** Connects to the server that owns the data directory, or starts one in this process. */
async function open({ data, jails, runTasks = false, organization }: OwnerOptions): Promise<OwnerAccess> {
  const login = data === undefined ? await readLogin() : undefined;
  if (login !== undefined) return openAsPerson(login, organization);
  const dataDirectory = dataDirectoryOf(data);
  const running = await attach(dataDirectory, organization);
  if (running !== undefined) {
    if (running.isPersistent || !isNewWork(runTasks)) return running;
    // New work would be aborted when that command ends. Starting our own server fails with the lock's error, which
    // names the owner.
    await running.close();
  }
  // Others are created by people, and these sign in at a running Studio.
  if (organization !== undefined && organization !== localOrganization) throw notRunning();
  // A process beside the nodes would take actors away from them.
  if (sharedStoreUrl() !== undefined) throw notRunning();
  await prepareDataDirectory(dataDirectory);
  const studio = await createStudioHere({ dataDirectory, jails, runTasks });
  if (runTasks === false) return { client: studio.client, isPersistent: false, close: () => studio.close() };
  const control = await serveOwner(dataDirectory, studio, { passing: true });
  const close = async () => {
    await control.close();
    await studio.close();
  };
  return { client: studio.client, isPersistent: false, close };
}

async function openAsPerson(login: Login, organization: string | undefined): Promise<OwnerAccess> {
  const id = await organizationOfPerson(login, organization);
  const client = connectWithHeaders(login.url, headersOf(login));
  return { client: createStudioClient(client, id), isPersistent: true, close: () => client.dispose() };
}

/** Loaded on demand: most commands talk to a running server, and the Studio takes five times as long to load. */
async function createStudioHere({
  dataDirectory,
  jails,
  runTasks,
}: {
  readonly dataDirectory: string;
  readonly jails: JailChoice | undefined;
  readonly runTasks: NonNullable<OwnerOptions["runTasks"]>;
}): Promise<Studio> {
  const [{ createStudio }, { parseJailChoice }] = await Promise.all([
    import("@holdfast/studio"),
    import("./jail-choice.ts"),
  ]);
  return createStudio({
    dataDirectory,
    ...(jails ?? parseJailChoice()),
    runTasks,
    log: cliLogger("warn"),
  });
}

function isNewWork(runTasks: NonNullable<OwnerOptions["runTasks"]>): boolean {
  return runTasks === true || runTasks === "new";
}

/** Serves the control socket, by which commands on other terminals connect. Closes the Studio if that fails. */
export async function serveOwner(
  dataDirectory: string,
  studio: Studio,
  { passing }: { readonly passing: boolean },
): Promise<ControlServer> {
  try {
    return await serveControl(dataDirectory, {
      url: async () => ({
        url: studio.url,
        ticket: await studio.issueTicket(),
        ...(passing ? { passing } : {}),
      }),
      backup: (directory) => studio.backup(directory),
      gate: (call, args) => studio.gate(call, args),
    });
  } catch (error) {
    // Otherwise the listening server would keep a process alive that no command can reach.
    await studio.close();
    throw error;
  }
}

/** Undefined when no server runs on this data directory. */
async function attach(
  dataDirectory: string,
  organization: string | undefined,
): Promise<OwnerAccess | undefined> {
  const link = await askControl<OwnerLink>(dataDirectory, "/url");
  if (link === undefined) return undefined;
  const cookie = await exchangeTicket(link.url, link.ticket);
  const client = connectWithHeaders(link.url, { cookie });
  const close = async () => {
    await client.dispose();
    await endLogin(link.url, cookie);
  };
  try {
    const id = await findOrganization(link.url, { cookie }, organization);
    return { client: createStudioClient(client, id), isPersistent: link.passing !== true, close };
  } catch (error) {
    await close();
    throw error;
  }
}
