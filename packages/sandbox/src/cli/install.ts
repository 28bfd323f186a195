import { spawnSync } from "node:child_process";
import { createInterface } from "node:readline/promises";
import { oneArgument, parseStrict, UsageError } from "@holdfast/cli";
import { type InstallationPlan, packageManagers, planInstallation } from "../desktop/display/installation.ts";
import { problem } from "../http/problem.ts";
import { print } from "./output.ts";

export const installUsage = `holdfast sandbox install desktop

  Installs the programs of a desktop that are missing here: an X server, a window manager, ffmpeg,
  what the accessibility tree needs, fonts.
      --yes                  does not ask
      --print-only           prints the commands and runs none
      --package-manager NAME apt, dnf or apk (default: the one that is here)
      --no-fonts             leaves out the fonts
      --browser              adds Chromium
      --json                 machine-readable output`;

export async function installCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseStrict(args, {
    yes: { type: "boolean", short: "y" },
    "print-only": { type: "boolean" },
    "package-manager": { type: "string" },
    "no-fonts": { type: "boolean" },
    browser: { type: "boolean" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  if (values.help === true) {
    process.stdout.write(`${installUsage}\n`);
    return 0;
  }
  const what = oneArgument(positionals, "What to install");
  if (what !== "desktop") throw new UsageError(`There is no "install ${what}": only "install desktop"`);
  const json = values.json === true;
  const manager = managerOf(values["package-manager"]);
  const plan = planInstallation({
    ...(manager === undefined ? {} : { manager }),
    withFonts: values["no-fonts"] !== true,
    withBrowser: values.browser === true,
    path: process.env["PATH"],
  });
  const commands = plan.commands.map((command) => asRoot(command));
  const show = (installed: boolean) =>
    print(json, { packageManager: plan.manager, packages: plan.packages, commands, installed }, () =>
      installed ? [] : linesOf(commands),
    );
  if (values["print-only"] === true || commands.length === 0) {
    show(false);
    return 0;
  }
  if (values.yes !== true && !(await agreed(plan))) return 1;
  for (const command of commands) run(command, json);
  show(true);
  return 0;
}

function managerOf(name: string | undefined) {
  const manager = packageManagers.find((each) => each === name);
  if (name === undefined || manager !== undefined) return manager;
  throw new UsageError(`--package-manager must be ${packageManagers.join(", ")}, not "${name}"`);
}

function asRoot(command: readonly string[]): readonly string[] {
  return process.getuid?.() === 0 ? command : ["sudo", ...command];
}

function linesOf(commands: readonly (readonly string[])[]): string[] {
  return commands.length === 0 ? ["Everything is installed."] : commands.map((command) => command.join(" "));
}

async function agreed({ packages }: InstallationPlan): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new UsageError("Without a terminal, pass --yes to install, or --print-only to see the commands.");
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await terminal.question(`Install ${packages.join(", ")}? [Y/n] `);
    return !/^n(o)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

/** Runs a command of the plan. Its output goes to standard error where standard output is for JSON. */
function run([program = "", ...args]: readonly string[], json: boolean): void {
  const { status, error } = spawnSync(program, args, {
    stdio: ["inherit", json ? 2 : "inherit", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (status === 0) return;
  const reason = error === undefined ? `it exited with ${status}` : error.message;
  throw problem("install_failed", 500, `"${[program, ...args].join(" ")}" failed: ${reason}`);
}
