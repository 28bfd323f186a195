/** Checks of `holdfast doctor`: the machine, its jails and agents; and attacks on its jails. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataDirectoryOf, noArguments, parse, portOf, screenOf, style, UsageError } from "@holdfast/cli";
import { isHoldfastError } from "@holdfast/core";
import {
  createGate,
  defaultJailDriver,
  type Gate,
  type GateConfig,
  jailDriverNames,
  probeDrivers,
} from "@holdfast/gate";
import { agentTable, findAgent, withoutNodeModulesBins } from "@holdfast/sandbox";
import { commandHint } from "../../command-hint.ts";
import { parseDriver, parseEngineSocket } from "../server/jail-choice.ts";
import { attackCommand } from "./attack.ts";
import { thisMachine } from "./machine.ts";
import { type Check, MachineChecks } from "./machine-checks.ts";

const defaultPort = 6420;

export const doctorUsage = `holdfast doctor [--attack [--only PREFIX]] [--driver NAME] [--engine-socket PATH] [--data DIR]
                [--port PORT] [--json]

Checks this machine, and prints the exact fix for each problem. Exit code 1 if agents cannot run, or a
server or its data would not be safe.

  --attack   runs every attack of the list inside real jails, and reports what stopped it.
             Exit code 1 if one got through.
  --driver   the jail driver to check: ${jailDriverNames.join(", ")}
             (default: HOLDFAST_JAIL_DRIVER or ${defaultJailDriver()}); with --attack also "all", for
             every driver that works on this machine.
  --engine-socket
             socket of podman or docker (default: HOLDFAST_ENGINE_SOCKET or the engine's default).
  --port     port of the server to check (default: HOLDFAST_PORT or 6420).
  --only     with --attack: only attacks whose id begins with PREFIX: network, secrets, kernel.mounts, ...`;

export async function doctorCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    attack: { type: "boolean" },
    only: { type: "string" },
    driver: { type: "string" },
    "engine-socket": { type: "string" },
    port: { type: "string" },
  });
  if (values.help === true) {
    console.log(doctorUsage);
    return 0;
  }
  noArguments(positionals);
  const attack = values.attack === true;
  if (values.only !== undefined && !attack) throw new UsageError("--only requires --attack");
  const engineSocket = parseEngineSocket(values["engine-socket"]);
  const jails = {
    driver: attackedDriverOf(values.driver, attack),
    ...(engineSocket === undefined ? {} : { engineSocket }),
  };
  if (attack) {
    return attackCommand({ ...jails, json: values.json === true, only: values.only ?? "" });
  }
  const dataDirectory = dataDirectoryOf(values.data);
  const port = portOf(values.port ?? (process.env["HOLDFAST_PORT"] || undefined), defaultPort);
  const machine = new MachineChecks(thisMachine());
  const checks = [...(await machine.all(dataDirectory, port))];
  if (machine.isSupported) {
    const driver = jails.driver === "all" ? defaultJailDriver() : jails.driver;
    checks.push(...(await jailChecks({ ...jails, driver })));
    checks.push(...(await otherDriverChecks(jails)));
    checks.push(...(await agentChecks(dataDirectory)));
  }
  if (values.json === true) {
    console.log(JSON.stringify(checks));
  } else {
    const screen = screenOf(process.stdout);
    const marks = {
      ok: style(screen, "green", "ok      "),
      warning: style(screen, "yellow", "warning "),
      failed: style(screen, "red", "failed  "),
    };
    for (const check of checks) {
      console.log(`${marks[check.status]}${check.name.padEnd(32)} ${check.detail}`);
      if (check.fix !== undefined) console.log(`${" ".repeat(41)}fix: ${check.fix}`);
    }
  }
  return checks.some((check) => check.status === "failed") ? 1 : 0;
}

/** Runs the real gate in a temporary data directory, so that the self-test uses real jails. */
async function jailChecks(jails: NonNullable<GateConfig["jails"]>): Promise<Check[]> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-doctor-"));
  let gate: Gate | undefined;
  try {
    gate = await createGate({ dataDir: directory, jails });
    const status = await gate.status();
    return [
      ...status.guarantees.map((guarantee): Check => {
        const needed = !guarantee.name.startsWith("limits.") && guarantee.name !== "access.landlocked";
        return {
          name: `jail: ${guarantee.name}`,
          status: guarantee.held ? "ok" : needed ? "failed" : "warning",
          detail: guarantee.detail,
        };
      }),
      ...status.providers.map(
        (provider): Check => ({
          name: `model: ${provider.provider}`,
          status: provider.available ? "ok" : "warning",
          detail: provider.detail,
        }),
      ),
    ];
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    return [{ name: "jails", status: "failed", detail: error.message }];
  } finally {
    await gate?.close();
    await rm(directory, { recursive: true, force: true });
  }
}

type JailDriverChoice = (typeof jailDriverNames)[number];

/** Throws a `UsageError` for an unknown driver. */
function attackedDriverOf(name: string | undefined, attack: boolean): JailDriverChoice | "all" {
  return name === "all" && attack ? "all" : parseDriver(name);
}

/** Checks the unused drivers: what they would guarantee on this machine, or what they lack. */
async function otherDriverChecks(jails: {
  readonly driver: string;
  readonly engineSocket?: string;
}): Promise<Check[]> {
  const { driver, ...rest } = jails;
  const reports = await probeDrivers(
    jailDriverNames.filter((name) => name !== driver),
    rest,
  );
  return reports.map(({ name, guarantees, refusal }): Check => {
    // The command to run follows at the end of the message.
    const [reason = "", fix] = (refusal ?? "").split(/(?<=[.)]) Run: /);
    const absent = guarantees.filter((each) => !each.held).map((each) => each.name);
    const details = `${guarantees.length - absent.length} of ${guarantees.length} guarantees proven`;
    return {
      name: `driver: ${name}`,
      status: refusal === undefined ? "ok" : "warning",
      detail:
        refusal === undefined
          ? `${details}${absent.length > 0 ? `, without ${absent.join(", ")}` : ""}`
          : reason,
      ...(fix === undefined ? {} : { fix }),
    };
  });
}

async function agentChecks(dataDirectory: string): Promise<Check[]> {
  const found = {
    agentsDirectory: join(dataDirectory, "agents"),
    path: withoutNodeModulesBins(process.env["PATH"]),
  };
  return Promise.all(
    agentTable.map(async (row): Promise<Check> => {
      const location = await findAgent(row, found);
      return location === undefined
        ? {
            name: `agent: ${row.id}`,
            status: "warning",
            detail: "not installed",
            fix: commandHint(`agents install ${row.id}`, dataDirectory),
          }
        : { name: `agent: ${row.id}`, status: "ok", detail: "installed" };
    }),
  );
}
