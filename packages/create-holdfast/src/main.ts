/** The program `create-holdfast`. Exit codes: 0 done, 1 failed, 2 wrong usage. */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { intro, log, note, outro, spinner } from "@clack/prompts";
import { screenOf, style, UsageError, wrongUsage } from "@holdfast/cli";
import { type Choices, readChoices, usage } from "./choices.ts";
import { CreateError, createProject } from "./create-project.ts";
import { install, packageManager, runLine } from "./install.ts";
import { templates } from "./templates.ts";

function version(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

async function main(args: readonly string[]): Promise<number> {
  const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  try {
    if (isTerminal) intro("Holdfast");
    const choices = await readChoices(args, isTerminal);
    if (choices === undefined) return args.some((each) => each === "--help" || each === "-h") ? 0 : 1;
    return await make(choices, isTerminal);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(wrongUsage(error.message, usage, "create-holdfast", args.length === 0));
      return 2;
    }
    if (!(error instanceof CreateError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

async function make(choices: Choices, isTerminal: boolean): Promise<number> {
  const { directory, template, installs } = choices;
  const started = performance.now();
  createProject({ directory, template, version: version() });
  const manager = packageManager();
  const problem = installs ? await installed(directory, isTerminal) : undefined;
  const place = relative(process.cwd(), directory);
  const steps = [
    ...(place === "" ? [] : [`cd ${place}`]),
    ...(installs && problem === undefined ? [] : [`${manager} install`]),
    runLine(manager, "dev"),
  ];
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  const { title } = templates.find(({ name }) => name === template) ?? { title: template };
  const done = `${title} is in ${place || "this folder"} (${seconds} s).`;
  if (isTerminal) {
    if (problem !== undefined) log.warn(problem);
    note(steps.join("\n"), "Next");
    outro(done);
  } else {
    if (problem !== undefined) process.stderr.write(`${problem}\n`);
    const screen = screenOf(process.stdout);
    screen.write(`${done} Next:\n\n${steps.map((step) => `  ${style(screen, "bold", step)}`).join("\n")}\n`);
  }
  return problem === undefined ? 0 : 1;
}

/** Undefined if the packages are there, or why they are not. */
async function installed(directory: string, isTerminal: boolean): Promise<string | undefined> {
  const manager = packageManager();
  const progress = isTerminal ? spinner() : undefined;
  progress?.start(`${manager} install`);
  try {
    await install(directory, manager);
    progress?.stop("The packages are installed.");
    return undefined;
  } catch (error) {
    progress?.stop("The packages are not installed.");
    if (error instanceof CreateError) return `${error.message} The project is complete; install it later.`;
    throw error;
  }
}

process.exitCode = await main(process.argv.slice(2));
