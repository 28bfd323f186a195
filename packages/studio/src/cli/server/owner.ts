import {
  askControl,
  type ControlServer,
  cliLogger,
  dataDirectoryOf,
  endLogin,
  exchangeTicket,
  type OwnerLink,
  prepareDataDirectory,
  serveControl,
} from "@holdfast/cli";
import {
  connectWithCookie,
  createStudio,
  createStudioClient,
  type Studio,
  type StudioClient,
  type StudioOptions,
} from "@holdfast/studio";
import { type JailChoice, jailChoice } from "./jail-choice.ts";

/** The owner's access to a Studio, wherever it runs. */
export interface OwnerAccess {
  readonly client: StudioClient;
  /** False where the Studio ends with a command, this one or the other that has started it. */
  readonly lasts: boolean;
  close(): Promise<void>;
}

export interface OwnerOptions {
  /** `--data`, where it was given. */
  readonly data?: string | undefined;
  /** Where a Studio is started for the work: what its agents run in. */
  readonly jails?: JailChoice;
  /**
   * Where a Studio is started for the work: the tasks that it works on meanwhile, none by default. Those that
   * were interrupted are left alone: begun again and broken off each time, they would be given up on.
   */
  readonly works?: StudioOptions["runTasks"];
}

/** Does some work as the owner of the data directory, and closes what was opened for it whatever comes. */
export async function asOwner(
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

/** Attaches to the server that owns the data directory; starts one in this process when there is none. */
async function open({ data, jails = jailChoice(), works = false }: OwnerOptions): Promise<OwnerAccess> {
  const dataDirectory = dataDirectoryOf(data);
  const running = await attach(dataDirectory);
  if (running !== undefined) {
    if (running.lasts || !isNewWork(works)) return running;
    // Work of its own would be broken off when the other command ends: the lock says who is in the way.
    await running.close();
  }
  await prepareDataDirectory(dataDirectory);
  const studio: Studio = await createStudio({
    dataDirectory,
    ...jails,
    runTasks: works,
    log: cliLogger("warn"),
  });
  if (works === false) return { client: studio.client, lasts: false, close: () => studio.close() };
  const control = await serveOwner(dataDirectory, studio, { passing: true });
  const close = async () => {
    await control.close();
    await studio.close();
  };
  return { client: studio.client, lasts: false, close };
}

function isNewWork(works: NonNullable<OwnerOptions["works"]>): boolean {
  return works === true || works === "new";
}

/** The owner's way in, for commands on other terminals. Where it cannot be served the Studio ends. */
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
    });
  } catch (error) {
    // What still listens would keep the process alive, with nobody who can reach it.
    await studio.close();
    throw error;
  }
}

/** Undefined when no server runs on this data directory. */
async function attach(dataDirectory: string): Promise<OwnerAccess | undefined> {
  const link = await askControl<OwnerLink>(dataDirectory, "/url");
  if (link === undefined) return undefined;
  const cookie = await exchangeTicket(link.url, link.ticket);
  const client = connectWithCookie(link.url, cookie);
  const close = async () => {
    await client.dispose();
    await endLogin(link.url, cookie);
  };
  return { client: createStudioClient(client), lasts: link.passing !== true, close };
}
