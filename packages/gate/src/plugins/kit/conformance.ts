import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { HoldfastError } from "@holdfast/core";
import type { ValidateFunction } from "ajv";
import { loadAjv } from "../../ajv.ts";
import type { JailSpec, Jails } from "../../jail/jail.ts";
import { UnsafeDriver } from "../../jail/unsafe-driver.ts";
import { KnownSecrets } from "../../vault/redaction/known-secrets.ts";
import { parseJsonFile } from "../manifest/manifest.ts";
import { type PluginFolder, pluginAt, readPluginFolder } from "../manifest/plugin-folder.ts";
import { pluginLimits } from "../plugin-limits.ts";
import { PluginLauncher } from "../process/launcher.ts";
import { PluginProcess } from "../process/plugin-process.ts";
import type { JsonSchemaProperty, ToolDeclaration } from "../runtime/api.ts";
import { channelVersion } from "../runtime/messages.ts";

/** The plugin to check, and its input. */
export interface ConformanceOptions {
  readonly pluginDir: string;
  /** Arguments for calls, by tool; by default the minimal ones of the schema. */
  readonly sampleArgs?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Result of one check. */
export interface ConformanceCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Why it failed. */
  readonly detail?: string;
}

/** Minimal arguments that satisfy a tool's schema. */
function minimalArguments({ arguments_schema: schema }: ToolDeclaration): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  for (const name of schema.required ?? []) {
    const property = schema.properties[name];
    if (property === undefined) continue;
    if (property.default !== undefined) args[name] = property.default;
    else if (property.enum !== undefined) args[name] = property.enum[0];
    else if (property.type === "string") args[name] = "test".slice(0, property.maxLength ?? 4);
    else if (property.type === "number" || property.type === "integer") args[name] = numberFor(property);
    else if (property.type === "boolean") args[name] = false;
    else if (property.type === "array") args[name] = [];
    else args[name] = property.type === "object" ? {} : null;
  }
  return args;
}

function numberFor({ minimum, maximum, type }: JsonSchemaProperty): number {
  const least = minimum ?? Math.min(0, maximum ?? 0);
  return type === "integer" ? (minimum === undefined ? Math.floor(least) : Math.ceil(least)) : least;
}

/**
 * Runs the conformance suite on a plugin folder: checks its manifest, its schemas, and its handler in a separate
 * process, without a jail and without credentials. Errors of the plugin are results, not exceptions.
 */
export async function runConformance(options: ConformanceOptions): Promise<ConformanceCheck[]> {
  const checks: ConformanceCheck[] = [];
  const check = (name: string, problem: string | false | undefined) => {
    checks.push(problem ? { name, ok: false, detail: problem } : { name, ok: true });
  };
  let folder: PluginFolder;
  try {
    folder = await readPluginFolder(await pluginAt(resolve(options.pluginDir)), await sampleConfig(options));
  } catch (error) {
    check("manifest: is valid", error instanceof Error ? error.message : String(error));
    return checks;
  }
  check("manifest: is valid", undefined);
  checkManifest(folder, check);
  const tools = new Set(folder.manifest.provides.tools.map((each) => each.name));
  const strange = Object.keys(options.sampleArgs ?? {}).filter((name) => !tools.has(name));
  if (strange.length > 0)
    check("sample arguments: are for its tools", `it has no tool ${strange.join(", ")}`);
  for (const tool of folder.manifest.provides.tools) {
    checkSchema(tool, options.sampleArgs?.[tool.name] ?? minimalArguments(tool), check);
  }
  await checkHandler(folder, options, check);
  return checks;
}

type Check = (name: string, problem: string | false | undefined) => void;

/** The folder's own configuration, else a sample that satisfies the schema. */
async function sampleConfig({ pluginDir }: ConformanceOptions): Promise<string | undefined> {
  if (existsSync(join(pluginDir, "config.json"))) return undefined;
  try {
    const parsed = parseJsonFile(await readFile(join(pluginDir, "manifest.json"), "utf8"));
    const schema: unknown = Reflect.get(Object(parsed), "config_schema");
    if (schema === undefined) return undefined;
    const tool = { name: "", description: "", risk_level: "low", arguments_schema: Object(schema) } as const;
    return JSON.stringify(minimalArguments(tool));
  } catch {
    return undefined;
  }
}

function checkManifest({ manifest }: PluginFolder, check: Check): void {
  check("manifest: has a description", manifest.description.trim() === "" && "it is empty");
  check(
    "manifest: has a semantic version",
    !/^\d+\.\d+\.\d+/.test(manifest.version) && `"${manifest.version}" is not a semantic version`,
  );
  check("manifest: names its author", manifest.author.name.trim() === "" && "the name is empty");
  check("manifest: declares a tool", manifest.provides.tools.length === 0 && "it declares none");
  for (const { name, risk_level: risk } of manifest.provides.tools) {
    check(`${name}: has a risk level`, risk !== "low" && risk !== "high" && "it is neither low nor high");
  }
}

function checkSchema(tool: ToolDeclaration, args: Readonly<Record<string, unknown>>, check: Check): void {
  const Compiler = loadAjv();
  const validate: ValidateFunction = new Compiler({
    allErrors: true,
    strict: false,
    validateFormats: false,
    // Like the broker, it ignores inherited properties.
    ownProperties: true,
  }).compile(tool.arguments_schema);
  const problem = validate(args) ? undefined : new Compiler().errorsText(validate.errors);
  check(`${tool.name}: its schema takes valid arguments`, problem);
  check(
    `${tool.name}: its schema refuses further properties`,
    validate({ ...args, __extra_undeclared_property__: "x" }) && "it takes an undeclared property",
  );
  const polluted: unknown = JSON.parse(`{"__proto__":{"polluted":true},"rest":${JSON.stringify(args)}}`);
  check(
    `${tool.name}: its schema refuses __proto__`,
    validate(Object.assign(Object(polluted), args)) && "it takes __proto__",
  );
}

async function checkHandler(folder: PluginFolder, options: ConformanceOptions, check: Check): Promise<void> {
  const dataDirectory = await mkdtemp(join(tmpdir(), "holdfast-plugin-"));
  try {
    let process: PluginProcess;
    try {
      process = await startBare(folder, dataDirectory);
    } catch (error) {
      check("handler: loads and initializes", error instanceof Error ? error.message : String(error));
      return;
    }
    check("handler: loads and initializes", undefined);
    let shutdown: string | undefined;
    try {
      for (const tool of folder.manifest.provides.tools) await checkTool(process, tool, options, check);
    } finally {
      shutdown = await process.close(0);
    }
    check("handler: shuts down", shutdown);
  } finally {
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

async function checkTool(
  process: PluginProcess,
  tool: ToolDeclaration,
  { sampleArgs }: ConformanceOptions,
  check: Check,
): Promise<void> {
  const outcome = await call(process, tool.name, sampleArgs?.[tool.name] ?? minimalArguments(tool));
  const wellFormed = outcome.startsWith("error ") || outcome === "result";
  check(`${tool.name}: answers with a well-formed result`, !wellFormed && outcome);
}

/** "result", "error CODE", or the problem of the answer. */
async function call(
  process: PluginProcess,
  tool: string,
  args: Readonly<Record<string, unknown>>,
): Promise<string> {
  const timestamp = new Date().toISOString();
  try {
    const answer = await process.request(
      {
        type: "invoke",
        tool,
        arguments: { ...args },
        context: {
          group: "conformance-test",
          sessionId: "conformance-session",
          startedAt: timestamp,
          correlationId: "conformance-correlation",
          timestamp,
        },
      },
      { timeoutMs: pluginLimits.defaultTimeoutMs },
    );
    switch (answer.type) {
      case "result":
        return typeof answer.result === "object" && answer.result !== null
          ? "result"
          : "its result is not an object";
      case "error": {
        const { code, message, retriable } = answer.error;
        if (code === "" || message === "") return "its error has no code or no message";
        return typeof retriable === "boolean"
          ? `error ${code}`
          : "its error does not say whether it is retriable";
      }
      case "thrown":
        return `it threw: ${answer.message}`;
      case "done":
        return "it answered with an unexpected message";
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function startBare(folder: PluginFolder, dataDirectory: string): Promise<PluginProcess> {
  const driver = new UnsafeDriver({ allowUnsafe: true });
  const none = async () => {
    throw new HoldfastError("plugin", "unavailable", "The conformance suite has no gate", {
      statusCode: 503,
    });
  };
  const start = (spec: JailSpec) => driver.start(spec);
  const jails: Jails = { driver, list: () => [], running: () => [], start, runTool: none };
  const launcher = new PluginLauncher({ jails, openEgress: none, dataDirectory });
  const { egress: _, ...manifest } = folder.manifest;
  const launched = await launcher.launch({ ...folder, manifest }, {}, {});
  return PluginProcess.start(
    launched,
    {
      type: "start",
      version: channelVersion,
      plugin: folder.name,
      ...launched.start,
      credentials: {},
      config: folder.config,
      catalog: manifest.provides.tools,
      channels: manifest.provides.channels.length > 0,
      verifyOnly: false,
      withoutCredentials: true,
      needsResolveSession: manifest.session === "explicit",
    },
    {
      onQuestion: async (question) => (question.what === "audit" ? [] : null),
      onCrash: () => {},
      scanner: () => new KnownSecrets().scanner(),
    },
  );
}

/** The conformance suite as tests of `node:test`, one for each check. */
export function describePluginConformance(options: ConformanceOptions): void {
  describe(`plugin conformance: ${options.pluginDir}`, () => {
    it("conforms", async (t) => {
      for (const { name, ok, detail } of await runConformance(options)) {
        await t.test(name, () => {
          if (!ok) throw new Error(detail ?? name);
        });
      }
    });
  });
}
