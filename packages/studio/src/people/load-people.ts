import { randomBytes } from "node:crypto";
import { HoldfastError, type Ports } from "@holdfast/core";
import type { Gate } from "@holdfast/gate";
import type { ClusterOptions } from "@holdfast/server";
import type { StudioBackends } from "../backends.ts";
import { tellBilling } from "../billing/load.ts";
import { clusterKeys } from "../cluster/cluster-key.ts";
import type { RunningNodes } from "../cluster/other-nodes.ts";
import type { StudioOptions } from "../studio.ts";
import type { Mailer } from "./mail/mailer.ts";
import type { PeopleSetup } from "./setup.ts";

export interface LoadPeopleOptions {
  readonly options: StudioOptions;
  readonly ports: Ports;
  readonly backends: StudioBackends;
  readonly gate: Gate;
  /** Where people open the Studio, without a slash at the end. */
  readonly origin: () => string;
  readonly mailer: Mailer | undefined;
  /** Removes what the nodes have on disk for an organization besides its tasks and repositories. */
  readonly removeFiles: (organization: string) => Promise<void>;
  /** This node and those that run beside it; undefined on a single node. */
  readonly nodes: () => RunningNodes | undefined;
}

/** The people of a Studio, and the names of their actors. */
export interface LoadedPeople extends PeopleSetup {
  /** Accepts sign-ins from now on. Throws `vault.*` for a secret that the cluster's key does not open. */
  open(): Promise<void>;
  /** A node that serves the organization serves its people, too. */
  serving(cluster: ClusterOptions): ClusterOptions;
}

/**
 * Loaded on demand: without people, the Studio needs nothing of it. Throws `people.not_supported`,
 * `people.package_missing`.
 */
export async function loadPeople(parts: LoadPeopleOptions): Promise<LoadedPeople | undefined> {
  const { options, ports, backends, gate, origin, mailer, removeFiles, nodes } = parts;
  if (options.people !== true) return undefined;
  if (options.identify !== undefined) {
    const message = "Accounts of people do not go together with `identify`. Leave out one of them.";
    throw new HoldfastError("people", "not_supported", message, { statusCode: 400 });
  }
  const load = Promise.all([
    import("./setup.ts"),
    import("./actors/people-actors.ts"),
    import("./cluster/shared-secret.ts"),
  ]);
  const [{ setUpPeople }, { peopleActorNames }, { sharedSecret }] = await load.catch((error: unknown) => {
    throw isMissingPackage(error) ? peoplePackageMissing() : error;
  });
  const { trustProxy = false, cluster } = options;
  const people = setUpPeople({
    ...{ ports, client: () => backends.client, origin, trustsProxy: trustProxy, mailer },
    isNode: cluster !== undefined,
    ...{ removeFiles, nodes },
    valueTokens: () => backends.valueTokens,
    ...tellBilling(parts),
    signIn: options.signIn ?? {},
    signInStore: {
      ...backends.signIn,
      readSecret: (name) => gate.vault.readSecret({ name, owner: {} }),
      setSecret: (name, value) => gate.vault.setSecret({ name, owner: {} }, value),
      deleteSecret: async (name) => void (await gate.vault.deleteSecret({ name, owner: {} })),
      audit: async (entry) => void (await gate.audit.append(entry)),
    },
    audit: (entry) => gate.audit.note(entry),
  });
  const secret = async () =>
    cluster === undefined
      ? backends.peopleSecret(randomBytes(32).toString("base64url"))
      : sharedSecret(backends.sealedSecret, await clusterKeys(options));
  return {
    ...people,
    open: async () => people.start(await secret()),
    serving(served) {
      const { serve } = served;
      if (serve?.includes("organization") !== true) return served;
      return { ...served, serve: [...new Set([...serve, ...peopleActorNames])] };
    },
  };
}

function isMissingPackage(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
}

function peoplePackageMissing(): HoldfastError {
  const message =
    "Accounts of people need the package better-auth, which is not installed here. Install it: npm install better-auth@1.7";
  return new HoldfastError("people", "package_missing", message, { statusCode: 400 });
}
