import { type Screen, screenOf, style, UsageError } from "@holdfast/cli";
import { isHoldfastError } from "@holdfast/core";
import {
  type AttackReport,
  type AttackResult,
  jailDriverNames,
  probeDrivers,
  runAttacks,
} from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { allAttacks } from "../../attacks/index.ts";

const titles: Readonly<Record<AttackResult["group"], string>> = {
  network: "Network",
  secrets: "Secrets",
  kernel: "/proc, kernel, namespaces",
  filesystem: "Filesystem",
  resources: "Resources",
  protocol: "Gate protocol",
  desktop: "Desktops",
  web: "Local server and web",
};

/** Ids of all attacks, including the final summary row, which always runs. */
const names = [...allAttacks.map(({ id }) => id), "secrets.canaries"];

export interface AttackCommand {
  readonly driver: (typeof jailDriverNames)[number] | "all";
  readonly engineSocket?: string;
  readonly json: boolean;
  /** Prefix of the ids of the attacks to run. */
  readonly only: string;
}

/**
 * Runs `holdfast doctor --attack`. The exit code is 1 if an attack got through or its control did not work. Throws a
 * `UsageError` if no attack matches: an empty result would look as if all were stopped.
 */
export async function attackCommand(command: AttackCommand): Promise<number> {
  const { driver, json, only } = command;
  if (!names.some((name) => name.startsWith(only)))
    throw new UsageError(`No attack has an id that begins with "${only}"`);
  if (driver !== "all") {
    const report = await attack(command, driver);
    if (json) console.log(JSON.stringify(report));
    return report.ok ? 0 : 1;
  }
  const here = (await probeDrivers(jailDriverNames, socketOf(command))).filter((each) => !each.refusal);
  const reports: Awaited<ReturnType<typeof attack>>[] = [];
  for (const { name } of here) {
    if (!json) console.log(`\n== ${name}`);
    reports.push(await attack(command, name));
  }
  if (json) console.log(JSON.stringify(reports));
  return reports.length > 0 && reports.every((each) => each.ok) ? 0 : 1;
}

function socketOf({ engineSocket }: AttackCommand) {
  return engineSocket === undefined ? {} : { engineSocket };
}

interface Failed {
  readonly ok: false;
  readonly error: { readonly code: string; readonly message: string };
}

async function attack(
  command: AttackCommand,
  driver: (typeof jailDriverNames)[number],
): Promise<AttackReport | Failed> {
  const { json, only } = command;
  const screen = screenOf(process.stdout);
  let group: AttackResult["group"] | undefined;
  try {
    const report = await runAttacks({
      attacks: allAttacks.filter(({ id }) => id.startsWith(only)),
      jails: { ...socketOf(command), driver },
      builtInPlugins: pluginsDirectory,
      onResult: (result) => {
        if (json) return;
        if (result.group !== group) console.log(`\n${titles[result.group]}`);
        group = result.group;
        print(screen, result);
      },
    });
    if (!json) printSummary(report);
    return report;
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    if (!json) console.error(error.message);
    return { ok: false, error: { code: error.code, message: error.message } };
  }
}

function printSummary(report: AttackReport): void {
  const count = (outcome: AttackResult["outcome"]) =>
    report.results.filter((each) => each.outcome === outcome).length;
  console.log(
    `\n${report.results.length} attempts with ${report.driver} on ${report.platform}: ${count("stopped")} stopped, ` +
      `${count("not_stopped")} not stopped, ${count("declared")} declared by the driver, ${count("not_tried")} not tried`,
  );
  console.log(
    "Namespaces do not stop kernel bugs; an allowed host can receive data; an approval does not protect a person who is deceived.",
  );
}

function print(screen: Screen, { outcome, attempt, layer, observed, control }: AttackResult): void {
  const mark =
    outcome === "stopped"
      ? style(screen, "green", "stopped     ")
      : outcome === "not_stopped"
        ? style(screen, "red", "NOT STOPPED ")
        : style(screen, "yellow", outcome === "declared" ? "declared    " : "not tried   ");
  console.log(`${mark}${attempt}`);
  console.log(`${" ".repeat(12)}by ${layer} (${observed.replaceAll("\n", " ").slice(0, 120)})`);
  if (control?.worked === false) {
    console.log(`${" ".repeat(12)}${style(screen, "red", `the control did not work: ${control.observed}`)}`);
  }
}
