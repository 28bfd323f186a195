import type { Logger } from "@holdfast/core";
import type { ConfiningDriverName, VaultConfig } from "@holdfast/gate";
import type { StudioAgent } from "./agents.ts";
import type {
  GroupActions,
  GroupEvents,
  OrganizationActions,
  OrganizationEvents,
  SessionActions,
  SessionEvents,
  TaskActions,
  TaskEvents,
} from "./contract.ts";
import type { StudioLimits } from "./limits.ts";

/** What makes the jails of agents. */
export interface StudioJails {
  readonly driver?: ConfiningDriverName;
  /** Where podman or docker answers; the engine's usual place by default. */
  readonly engineSocket?: string;
  /** Apple's container program; where its installer puts it by default. */
  readonly containerPath?: string;
  /** What its jails start from: `docker.io/library/node:24-bookworm` by default. */
  readonly containerImage?: string;
}

/**
 * What `createStudio` takes and gives. The command `holdfast` and the tests start the Studio through
 * this and nothing else.
 */
export interface StudioOptions {
  /** Absolute path; created with mode 0700 when it is missing. Holds everything that is kept. */
  readonly dataDirectory: string;
  /** TCP port; 0 (default) lets the system choose one. */
  readonly port?: number;
  /**
   * Loopback by default: "127.0.0.1". Anything else has to be asked for by name, and is a Host that is
   * served; "0.0.0.0" and "::" are all addresses that the machine has at the start.
   */
  readonly host?: string;
  /** What makes the jails of agents; by default bubblewrap, and on macOS Apple's container. */
  readonly jails?: StudioJails;
  /** Agents run as plain processes of this user: no boundary. Shown wherever a task is shown. */
  readonly unsafeNoJail?: boolean;
  /**
   * Which tasks are worked on: all (true, the default), those that are made here ("new"), one, or none
   * (false). What was interrupted of the others goes on at the next start.
   */
  readonly works?: boolean | "new" | { readonly task: string };
  /** Where installed agents are; `<dataDirectory>/agents` by default. */
  readonly agentsDirectory?: string;
  /** Folder of the built web app; the package's own by default. */
  readonly webDirectory?: string;
  readonly log?: Logger;
  /**
   * Environment from which model keys and the PATH for finding agents are read; `process.env` by
   * default. No variable of it ever reaches a jail.
   */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Agents beside those that the sandbox knows. */
  readonly customAgents?: readonly StudioAgent[];
  /** Replaces single limits. */
  readonly limits?: Partial<StudioLimits>;
  /** Where logins are looked for, beside `environment`. */
  readonly vault?: Omit<VaultConfig, "env">;
}

/** A running Studio. */
export interface Studio {
  /** `http://127.0.0.1:<port>`, or the `host` that was asked for, without a path. */
  readonly url: string;
  readonly port: number;
  readonly dataDirectory: string;
  /** In-process access to the actors, with the rights of the owner. */
  readonly client: StudioClient;
  /** A one-time ticket, good for five minutes: open `${url}/#ticket=${ticket}` in a browser. */
  issueTicket(): Promise<string>;
  /** Copies everything that is kept into a new or empty directory, while the Studio runs on. */
  backup(directory: string): Promise<void>;
  /** Stops taking requests, ends all jails, waits until everything is durable. Idempotent. */
  close(): Promise<void>;
}

/** The owner's view of the backend, the same from a shell as in the browser. */
export interface StudioClient {
  readonly organization: StudioHandle<OrganizationActions, OrganizationEvents>;
  task(taskId: string): StudioHandle<TaskActions, TaskEvents>;
  session(sessionId: string): StudioHandle<SessionActions, SessionEvents>;
  group(name: string): StudioHandle<GroupActions, GroupEvents>;
}

/** Actions of one actor, and its events. */
export type StudioHandle<Actions, Events> = Actions & {
  /**
   * Calls `listener` for each event from now on; the promise resolves once that is certain. `missed` is
   * called when events were missed for good, as while a server starts anew: ask for what they told.
   */
  on<Name extends keyof Events>(
    name: Name,
    listener: (payload: Events[Name]) => void,
    missed?: () => void,
  ): Promise<{ close(): Promise<void> }>;
};
