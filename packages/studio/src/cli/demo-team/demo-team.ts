import { askControl, type OwnerLink, UsageError } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import type { DemoTeam } from "../../contract/people.ts";
import type { Studio, StudioOptions } from "../../studio.ts";
import type { JailChoice } from "../server/jail-choice.ts";
import { connectRepositories } from "./connect.ts";
import { demoTeamDirectory, prepareDemoTeam } from "./folder.ts";
import { type DemoForge, type DemoPayments, loadDemoTeam, startForge, startPayments } from "./forge.ts";
import { ensureMembers } from "./members.ts";

export const demoTeamOptions = {
  "demo-team": { type: "boolean" },
  fresh: { type: "boolean" },
} as const;

export const demoTeamUsage = `  --demo-team        a team to try everything with, offline: two people, two repositories, pull
                     requests, plans, on a GitHub and a Stripe of its own; only from a clone of Holdfast;
                     its data are in a directory of their own (default: .holdfast-demo-team)
  --fresh            with --demo-team: start anew, and forget what was done before`;

/** Options that make no sense for a team whose passwords everybody knows. */
const excluded = ["people", "origin", "trust-proxy", "host", "store", "advertise", "serve"] as const;

type Values = Readonly<Record<string, string | boolean | undefined>>;

/** A demo team whose forge and payments run, for a Studio that does not yet. */
export interface StartedDemoTeam {
  readonly directory: string;
  readonly studioOptions: Pick<StudioOptions, "people" | "demoTeam" | "billing">;
  /** Gives the Studio its people and repositories. */
  settle(studio: Studio): Promise<void>;
  /** What to print instead of the link. */
  describe(url: string, link: string): string;
  readonly forgeUrl: string;
  readonly paymentsUrl: string;
  close(): Promise<void>;
}

/** Starts the forge and the payments of the demo team; undefined without the option. Throws `demo_team.*` and a {@link UsageError}. */
export async function startDemoTeam(values: Values, jails: JailChoice): Promise<StartedDemoTeam | undefined> {
  if (values["demo-team"] !== true) {
    if (values["fresh"] === true) throw new UsageError("--fresh goes with --demo-team");
    return undefined;
  }
  const other = excluded.find((name) => values[name] !== undefined);
  if (other !== undefined) throw new UsageError(`--demo-team and --${other} exclude each other`);
  const module = await loadDemoTeam();
  const directory = demoTeamDirectory(values["data"] as string | undefined);
  await requireStopped(directory);
  await prepareDemoTeam(directory, values["fresh"] === true);
  const jail = jails.unsafeNoJail ? ({ driver: "none", allowUnsafe: true } as const) : jails.jails;
  const forge = await startForge(module, directory, jail);
  const payments = await startPayments(module, directory).catch(async (error: unknown) => {
    await forge.close();
    throw error;
  });
  const { people, suggestions } = module;
  return {
    directory,
    studioOptions: {
      ...{ people: true, billing: payments.settings },
      demoTeam: { people, suggestions, paymentsUrl: payments.url },
    },
    async settle(studio) {
      forge.begin(studio.url);
      payments.begin(studio.url);
      await ensureMembers(directory, people);
      await connectRepositories(studio, directory, forge);
    },
    describe: (url, link) => describe(url, link, module, forge, payments),
    forgeUrl: forge.url,
    paymentsUrl: payments.url,
    async close() {
      await Promise.all([forge.close(), payments.close()]);
    },
  };
}

/** Throws `demo_team.running`. */
async function requireStopped(directory: string): Promise<void> {
  const link = await askControl<OwnerLink>(directory, "/url");
  if (link === undefined) return;
  const message = `The demo team of ${directory} runs already: open ${link.url}`;
  throw new HoldfastError("demo_team", "running", message, { statusCode: 409 });
}

function describe(
  url: string,
  link: string,
  { people }: Pick<DemoTeam, "people">,
  forge: DemoForge,
  payments: DemoPayments,
): string {
  const width = Math.max(...people.map(({ name }) => name.length));
  const emails = Math.max(...people.map(({ email }) => email.length));
  const rows = people.map(
    ({ name, email, password, role }) =>
      `    ${name.padEnd(width)}  ${email.padEnd(emails)}  ${password}  (${role})`,
  );
  return [
    `Open ${url} and choose who you are. Two people in two browsers see each other work.`,
    "",
    ...rows,
    "",
    `Their GitHub: ${forge.url}`,
    `Their Stripe: ${payments.url}`,
    `The operator of the server: ${link}`,
  ].join("\n");
}
