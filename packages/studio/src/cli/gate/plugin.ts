import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import {
  dataDirectoryOf,
  didYouMean,
  harmless,
  jsonLine,
  noArguments,
  oneArgument,
  parse,
  UsageError,
  verbOf,
} from "@holdfast/cli";
import {
  createPlugin,
  listPlugins,
  type PluginReport,
  runConformance,
  validatePlugin,
} from "@holdfast/gate/plugin-kit";
import { pluginsDirectory } from "@holdfast/plugins";

export const pluginUsage = `holdfast plugin create NAME | validate PATH | test PATH | list

  create NAME      creates the folder of a new plugin in the current directory (or --dir DIR)
  validate PATH    checks a plugin's manifest and files without running it
  test PATH        runs the conformance suite on the plugin, in a separate process
  list             lists the plugins of the data directory and the bundled ones
  --tool NAME      create: name of the first tool
  --risk LEVEL     create: risk of the tool, low or high
  --dir DIR        create: parent directory
  --args JSON      test: arguments for calls, by tool: {"TOOL": {...}}
  --data DIR       data directory (default: HOLDFAST_DATA or .holdfast)
  --json           machine-readable output

A plugin is installed by putting its folder, or a link to it, into plugins/ of the data directory.`;

export async function pluginCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    tool: { type: "string" },
    risk: { type: "string" },
    dir: { type: "string" },
    args: { type: "string" },
  });
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    console.log(pluginUsage);
    return 0;
  }
  if (verb === "install")
    throw new UsageError(
      'There is no "plugin install". Put the folder, or a link to it, into plugins/ in the data directory.',
    );
  const json = values.json === true;
  switch (verbOf("plugin", ["create", "validate", "test", "list"], verb)) {
    case "create": {
      const { risk = "low", tool } = values;
      if (risk !== "low" && risk !== "high") throw new UsageError("--risk must be low or high");
      const directory = resolve(values.dir ?? ".");
      const name = oneArgument(rest, "The name");
      const folder = await createPlugin({ directory, name, risk, ...(tool === undefined ? {} : { tool }) });
      console.log(json ? jsonLine({ folder }) : `Created ${folder}`);
      if (!json && !canResolveGate(folder))
        console.log("For its types, and to run its own test: npm install --save-dev @holdfast/gate");
      return 0;
    }
    case "validate": {
      const report = await validatePlugin(oneArgument(rest, "The path"));
      if (json) console.log(jsonLine(report));
      else printReport(report);
      return report.ok ? 0 : 1;
    }
    case "test":
      return testPlugin(oneArgument(rest, "The path"), values.args, json);
    case "list": {
      noArguments(rest);
      const data = dataDirectoryOf(values.data);
      const reports = await listPlugins({
        builtIn: pluginsDirectory,
        user: join(data, "plugins"),
        credentials: join(data, "credentials", "plugins"),
      });
      for (const report of reports) {
        if (json) console.log(jsonLine(report));
        else printReport(report);
      }
      return reports.every((each) => each.ok) ? 0 : 1;
    }
  }
}

/**
 * True if the plugin can resolve `@holdfast/gate`. False before an installation, and under installers that expose only
 * direct dependencies.
 */
function canResolveGate(folder: string): boolean {
  try {
    createRequire(join(folder, "handler.ts")).resolve("@holdfast/gate/plugin-testing");
    return true;
  } catch {
    return false;
  }
}

async function testPlugin(pluginDir: string, args: string | undefined, json: boolean): Promise<number> {
  const argsByTool = args === undefined ? {} : sampleArgs(args);
  const { tools } = await validatePlugin(pluginDir);
  const unknown = Object.keys(argsByTool).find((name) => !tools.some((tool) => tool.name === name));
  // Reject arguments for an unknown tool; otherwise a misspelled name would go unnoticed.
  if (unknown !== undefined && tools.length > 0) {
    const names = tools.map(({ name }) => name);
    throw new UsageError(`--args: the plugin has no tool "${unknown}".${didYouMean(unknown, names)}`);
  }
  const checks = await runConformance({
    pluginDir,
    ...(args === undefined ? {} : { sampleArgs: argsByTool }),
  });
  for (const { name, ok, detail } of checks) {
    if (json) console.log(jsonLine({ name, ok, ...(detail === undefined ? {} : { detail }) }));
    else
      console.log(
        harmless(`${ok ? "ok    " : "failed"}  ${name}${detail === undefined ? "" : `: ${detail}`}`),
      );
  }
  return checks.every((each) => each.ok) ? 0 : 1;
}

function sampleArgs(text: string): Record<string, Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  const form = 'arguments by tool, as {"TOOL": {"text": "hello"}}';
  if (!isObject(parsed)) throw new UsageError(`--args must be a JSON object of ${form}`);
  return Object.fromEntries(
    Object.entries(parsed).map(([tool, each]) => {
      if (isObject(each)) return [tool, each];
      throw new UsageError(`--args: the arguments of ${tool} must be a JSON object. Expected ${form}.`);
    }),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function printReport(report: PluginReport): void {
  const { name, ok, source, version, tools, egress, digest, problems, warnings } = report;
  // The text comes from the plugin, which may be untrusted.
  const say = (line: string) => console.log(harmless(line));
  say(
    `${ok ? "ok    " : "failed"}  ${[name, version, source].filter((each) => each !== undefined).join("  ")}`,
  );
  if (tools.length > 0)
    say(`        tools: ${tools.map((each) => `${each.name} (${each.risk})`).join(", ")}`);
  if (egress.length > 0) say(`        egress to: ${egress.join(", ")}`);
  if (digest !== undefined) say(`        digest: ${digest}`);
  for (const problem of problems) say(`        problem: ${problem}`);
  for (const warning of warnings) say(`        note: ${warning}`);
}
