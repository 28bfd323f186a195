import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { GateConfig } from "@holdfast/gate";
import { plansFile } from "../../billing/plans.ts";
import type { StripeSettings } from "../../billing/stripe.ts";
import type { DemoTeam } from "../../contract/people.ts";

/** The GitHub of the demo team. */
export interface DemoForge {
  readonly url: string;
  readonly apiUrl: string;
  /** Full names. */
  readonly repositories: readonly string[];
  readonly app: { readonly appId: string; readonly installationId: number; readonly privateKey: string };
  /** Begins to send webhooks to the Studio at this address. */
  begin(studioUrl: string): void;
  close(): Promise<void>;
}

/** The Stripe of the demo team. */
export interface DemoPayments {
  readonly url: string;
  readonly settings: StripeSettings;
  /** Begins to send webhooks to the Studio at this address. */
  begin(studioUrl: string): void;
  close(): Promise<void>;
}

/** What `@holdfast/testing/demo-team` exports. */
export interface DemoTeamModule extends Pick<DemoTeam, "people" | "suggestions"> {
  /** The content of `plans.json`. */
  readonly plans: unknown;
  readonly DemoPayments: {
    start(options: { readonly directory: string }): Promise<DemoPayments>;
  };
  readonly DemoForge: {
    start(options: {
      readonly directory: string;
      readonly jails: NonNullable<GateConfig["jails"]>;
    }): Promise<DemoForge>;
  };
}

/** In a variable, because it is part of the repository and of no published package. */
const moduleName = "@holdfast/testing/demo-team";

/** Throws `demo_team.not_installed`. */
export async function loadDemoTeam(): Promise<DemoTeamModule> {
  try {
    return (await import(moduleName)) as DemoTeamModule;
  } catch (error) {
    if (!isMissing(error)) throw error;
    const message =
      "The demo team is part of Holdfast's repository, not of its packages. Clone the repository, and run there: npm install && npm start -- --demo-team";
    throw new HoldfastError("demo_team", "not_installed", message, { statusCode: 400 });
  }
}

/** Starts the forge. Throws `demo_team.port_in_use`. */
export async function startForge(
  { DemoForge }: DemoTeamModule,
  directory: string,
  jails: NonNullable<GateConfig["jails"]>,
): Promise<DemoForge> {
  return DemoForge.start({ directory: join(directory, "github"), jails }).catch((error: unknown) => {
    throw portInUse(error, "GitHub");
  });
}

/** Starts the payments, with plans to buy. Throws `demo_team.port_in_use`. */
export async function startPayments(
  { DemoPayments, plans }: DemoTeamModule,
  directory: string,
): Promise<DemoPayments> {
  const path = join(directory, plansFile);
  if (!existsSync(path)) await writeFile(path, `${JSON.stringify(plans, null, 2)}\n`);
  return DemoPayments.start({ directory: join(directory, "stripe") }).catch((error: unknown) => {
    throw portInUse(error, "Stripe");
  });
}

/** Another error as it is. */
function portInUse(error: unknown, name: string): unknown {
  const { code, port } = error as NodeJS.ErrnoException & { readonly port?: number };
  if (code !== "EADDRINUSE") return error;
  const message = `Port ${port}, where the demo team's ${name} was, is in use by another process. Stop it, or start anew with --fresh.`;
  return new HoldfastError("demo_team", "port_in_use", message, { statusCode: 409, cause: error });
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === "ERR_MODULE_NOT_FOUND" || code === "ERR_PACKAGE_PATH_NOT_EXPORTED";
}
