/** Plugin folders: manifests, names, settings, skills. */
import { HoldfastError } from "@holdfast/core";
import type { Ajv, ErrorObject, ValidateFunction } from "ajv";
import { loadAjv } from "../../ajv.ts";
import { pluginLimits } from "../plugin-limits.ts";
import type { PluginManifest } from "../runtime/api.ts";
import { manifestSchema } from "./manifest-schema.ts";
import { credentialKeyRule, isCredentialKey, reservedToolNames } from "./names.ts";

let compiledManifest: ValidateFunction<PluginManifest> | undefined;

/** Compiled when it is first needed: reading the built-in plugins does not. */
function manifestCheck(): ValidateFunction<PluginManifest> {
  const options = { allErrors: true, strict: false, verbose: true };
  compiledManifest ??= new (loadAjv())(options).compile<PluginManifest>(manifestSchema);
  return compiledManifest;
}

export function invalidManifest(problems: readonly string[]): HoldfastError {
  return new HoldfastError("plugin", "invalid_manifest", `Invalid manifest: ${problems.join("; ")}`, {
    statusCode: 400,
    metadata: { problems },
  });
}

/** Ajv's message, with the allowed values and known fields that it omits. */
function describe({ instancePath, message = "is not valid", params, parentSchema }: ErrorObject): string {
  const place = instancePath === "" ? "/" : instancePath;
  if ("allowedValues" in params) return `${place} must be one of ${listed(params["allowedValues"])}`;
  if ("allowedValue" in params) return `${place} must be ${JSON.stringify(params["allowedValue"])}`;
  if (!("additionalProperty" in params)) return `${place} ${message}`;
  const known = Object.keys(Reflect.get(parentSchema ?? {}, "properties") ?? {});
  const extra = `${place} has the unknown field ${JSON.stringify(params["additionalProperty"])}`;
  return known.length === 0 ? extra : `${extra} (known are ${known.join(", ")})`;
}

function listed(values: unknown): string {
  return Array.isArray(values) ? values.map((each) => JSON.stringify(each)).join(", ") : "its values";
}

/** Some editors write a byte order mark, which JSON does not allow. */
export function parseJsonFile(raw: string): unknown {
  return JSON.parse(raw.replace(/^\uFEFF/, ""));
}

/**
 * Parses `manifest.json`. Throws `plugin.invalid_manifest` with all of its problems. Those of built-in plugins are part
 * of this program, whose tests check them: checking them at each start takes a tenth of it.
 */
export function parseManifest(raw: string, { isBuiltIn = false } = {}): PluginManifest {
  const bytes = Buffer.byteLength(raw);
  if (bytes > pluginLimits.maxManifestBytes) {
    throw invalidManifest([`manifest.json has ${bytes} bytes, more than ${pluginLimits.maxManifestBytes}`]);
  }
  let parsed: unknown;
  try {
    parsed = parseJsonFile(raw);
  } catch (error) {
    throw invalidManifest([
      `manifest.json is not valid JSON: ${error instanceof Error ? error.message : error}`,
    ]);
  }
  if (isBuiltIn) return parsed as PluginManifest;
  const isManifest = manifestCheck();
  if (!isManifest(parsed)) throw invalidManifest((isManifest.errors ?? []).slice(0, 20).map(describe));
  const problems = [...toolProblems(parsed), ...credentialProblems(parsed)];
  if (problems.length > 0) throw invalidManifest(problems);
  return parsed;
}

function toolProblems({ provides }: PluginManifest): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const { name, arguments_schema: schema, output_schema: output } of provides.tools) {
    if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) {
      problems.push(
        `the tool name ${JSON.stringify(name)} must have 1 to 64 characters of a-z, 0-9 and _, and begin with a letter`,
      );
    }
    if (reservedToolNames.has(name)) problems.push(`the tool name "${name}" is reserved`);
    if (seen.has(name)) problems.push(`the tool "${name}" is declared twice`);
    seen.add(name);
    problems.push(...schemaProblems(`the arguments of "${name}"`, schema));
    if (output !== undefined) problems.push(...keywordProblems(`the output of "${name}"`, output));
  }
  return problems;
}

function schemaProblems(what: string, schema: object): string[] {
  const problems = keywordProblems(what, schema);
  const depth = depthOf(schema);
  if (depth > pluginLimits.maxSchemaDepth) {
    problems.push(`${what} are nested ${depth} deep, more than ${pluginLimits.maxSchemaDepth}`);
  }
  const properties = Object.keys(Reflect.get(schema, "properties") ?? {}).length;
  if (properties > pluginLimits.maxSchemaProperties) {
    problems.push(`${what} have ${properties} properties, more than ${pluginLimits.maxSchemaProperties}`);
  }
  // A schema that cannot be compiled would fail at the first call instead.
  const fault = problems.length === 0 ? schemaFault(schema) : undefined;
  if (fault !== undefined) problems.push(`${what} are not a valid JSON Schema: ${fault}`);
  return problems;
}

const bare = { strict: false, validateFormats: false, verbose: true } as const;

/** Holds the compiled meta-schema, whose compilation takes far longer than a schema's. */
let metaSchemas: Ajv | undefined;

/** One compiler per schema, so that ids in one do not affect another. */
function compilerFor(schema: object, allErrors: boolean): Ajv {
  const Compiler = loadAjv();
  metaSchemas ??= new Compiler(bare);
  if (metaSchemas.validateSchema(schema) !== true) {
    const [error] = metaSchemas.errors ?? [];
    throw new Error(error === undefined ? "it is none" : describe(error));
  }
  return new Compiler({ ...bare, allErrors, validateSchema: false });
}

function schemaFault(schema: object): string | undefined {
  try {
    compilerFor(schema, false).compile(schema);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** These keywords make a schema refer to others or validate asynchronously. */
const refusedKeywords = ["$ref", "$dynamicRef", "$async"];

function keywordProblems(what: string, schema: object): string[] {
  const used = refusedKeywords.filter((keyword) => holdsKey(schema, keyword));
  return used.map((keyword) => `${what} use ${keyword}`);
}

function holdsKey(value: unknown, key: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([name, each]) => name === key || holdsKey(each, key));
}

/** Each `properties` and each `items` is one level. */
function depthOf(schema: object): number {
  const properties: unknown = Reflect.get(schema, "properties");
  const items: unknown = Reflect.get(schema, "items");
  const children = typeof properties === "object" && properties !== null ? Object.values(properties) : [];
  const depths = [...children, items]
    .filter((each) => typeof each === "object" && each !== null && !Array.isArray(each))
    .map((each) => 1 + depthOf(each));
  return Math.max(0, ...depths);
}

function credentialProblems({ install, secrets = [], egress = [] }: PluginManifest): string[] {
  const keys = [
    ...(install?.credentials ?? []).map((each) => each.key),
    ...secrets,
    ...egress.flatMap((each) => each.credential ?? []),
  ];
  const problems = keys
    .filter((key) => !isCredentialKey(key))
    .map((key) => `${JSON.stringify(key)} is not a valid credential key: ${credentialKeyRule}`);
  const names = egress.map((each) => each.name);
  if (new Set(names).size !== names.length) problems.push("two egress entries have the same name");
  return problems;
}

/**
 * Validates the operator's configuration and adds defaults. Without any configuration nothing is required: the handler
 * reports what it needs. Throws `plugin.invalid_config`.
 */
export function checkConfig(manifest: PluginManifest, raw: string | undefined): Record<string, unknown> {
  const invalid = (problem: string) =>
    new HoldfastError("plugin", "invalid_config", `Invalid config.json: ${problem}`, { statusCode: 400 });
  let config: Record<string, unknown> = {};
  if (raw !== undefined) {
    if (Buffer.byteLength(raw) > pluginLimits.maxConfigBytes) throw invalid("it is too large");
    try {
      const parsed = parseJsonFile(raw);
      if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
        throw new Error("no object");
      config = { ...parsed };
    } catch (error) {
      // Without the parser's excerpt, which could contain a private value.
      const place = / \(line \d+ column \d+\)/.exec(String(error))?.[0] ?? "";
      throw invalid(`it is not a JSON object${place}`);
    }
  }
  if (manifest.config_schema === undefined) return config;
  for (const [key, { default: value }] of Object.entries(manifest.config_schema.properties)) {
    if (value !== undefined && !Object.hasOwn(config, key)) config[key] = value;
  }
  if (raw === undefined) return config;
  const validate = compilerFor(manifest.config_schema, true).compile(manifest.config_schema);
  if (!validate(config)) throw invalid((validate.errors ?? []).map(describe).join("; "));
  return config;
}
