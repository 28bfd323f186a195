import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import type { Command, CommandLoader } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { importOptional } from "@holdfast/core/optional-package";

interface StudioModule {
  readonly commands: Readonly<Record<string, CommandLoader>>;
}

const studio = "@holdfast/studio";

/**
 * Loads a command of the Studio. An install of `holdfast` alone has the actors, without the Studio, the gate and the
 * sandbox; at a terminal, offers to install them. Throws `control.studio_missing`.
 */
export async function loadStudioCommand(name: string): Promise<Command> {
  const module = await importStudio();
  if (module === undefined) return (await loadSandboxCommand(name)) ?? installStudio(name);
  const command = await module.commands[name]?.();
  if (command !== undefined) return command;
  const message = `The installed ${studio} has no command "${name}". Install the version of this holdfast: ${installLine()}`;
  throw new HoldfastError("control", "studio_missing", message);
}

/** As {@link loadStudioCommand}; undefined if the Studio is not installed. Never asks. */
export async function loadInstalledStudioCommand(name: string): Promise<Command | undefined> {
  return (await importStudio())?.commands[name]?.();
}

interface SandboxModule {
  readonly sandboxUsage: string;
  readonly sandboxCommand: Command["run"];
  readonly sandboxCommands: NonNullable<Command["subcommands"]>;
}

/** The commands of a sandbox server need no Studio where that package is installed. */
async function loadSandboxCommand(name: string): Promise<Command | undefined> {
  if (name !== "sandbox" && name !== "sandboxes") return undefined;
  const module = (await importOptional("@holdfast/sandbox/cli", import.meta.url)) as
    | SandboxModule
    | undefined;
  return (
    module && { usage: module.sandboxUsage, run: module.sandboxCommand, subcommands: module.sandboxCommands }
  );
}

async function importStudio(): Promise<StudioModule | undefined> {
  return (await importOptional(`${studio}/cli`, import.meta.url)) as StudioModule | undefined;
}

async function installStudio(name: string): Promise<Command> {
  if (await isWanted(name)) {
    const { status } = spawnSync("npm", ["install", `${studio}@${version()}`], { stdio: "inherit" });
    if (status === 0) return { usage: "", run: runAgain };
  }
  const message = `"holdfast ${name}" needs the Studio, which is not installed here. Install it: ${installLine()}`;
  throw new HoldfastError("control", "studio_missing", message);
}

/** In a new process, because this one has cached that the package is missing. */
async function runAgain(): Promise<number> {
  const { status } = spawnSync(process.execPath, process.argv.slice(1), { stdio: "inherit" });
  return status ?? 1;
}

/** Asks only at a terminal: in a script, the next line of input would be taken as the answer. */
async function isWanted(name: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const question = `"holdfast ${name}" needs the Studio (${studio}, about 50 MB). Install it in ${process.cwd()}? [y/N] `;
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}

function installLine(): string {
  return `npm install ${studio}@${version()}`;
}

export function version(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
