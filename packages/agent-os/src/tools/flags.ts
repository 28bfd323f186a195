import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { inputJsonSchema, type StandardSchema } from "@holdfast/core";
import { invalidConfig } from "../errors.ts";
import { ToolFailure } from "./failure.ts";

/** A flag as lists of tools and `--help` show it. */
export interface FlagInfo {
  readonly flag: string;
  /** "string", "number", "boolean", "string[]", "number[]", "json", or the values that it takes: "a|b". */
  readonly type: string;
  readonly required: boolean;
  readonly description?: string;
}

type Kind = "string" | "number" | "boolean" | "json";

interface Flag {
  readonly property: string;
  readonly kind: Kind;
  readonly repeats: boolean;
  readonly info: FlagInfo;
}

/** The flags of a tool, by their names without the hyphens. */
export type Flags = ReadonlyMap<string, Flag>;

/** What a command line says: an input, or where it is. */
export type GivenInput =
  | { readonly from: "flags"; readonly input: Readonly<Record<string, unknown>> }
  | { readonly from: "text"; readonly text: string }
  | { readonly from: "file"; readonly path: string }
  | { readonly from: "stdin" };

const flagName = /^[A-Za-z][A-Za-z0-9_-]*$/;
const own: ParseArgsOptionsConfig = { json: { type: "string" }, "json-file": { type: "string" } };

/** The flags for the properties of an object; undefined if the schema gives no JSON Schema. */
export function flagsOf(schema: StandardSchema, what: string): Flags | undefined {
  const described = inputJsonSchema(schema);
  if (described === undefined) return undefined;
  const required = Array.isArray(described["required"]) ? described["required"] : [];
  const flags = new Map<string, Flag>();
  for (const [property, value] of Object.entries(record(described["properties"]))) {
    const name = toKebabCase(property);
    // Others can be given as JSON.
    if (!flagName.test(name) || name === "help") continue;
    const same = flags.get(name);
    if (same !== undefined)
      throw invalidConfig(`${same.property} and ${property} of the ${what} have the same flag, --${name}`);
    const { kind, repeats, type } = typeOf(record(value));
    const { description } = record(value);
    const info = {
      ...{ flag: `--${name}`, type, required: required.includes(property) },
      ...(typeof description === "string" ? { description } : {}),
    };
    flags.set(name, { property, kind, repeats, info });
  }
  return flags;
}

/** Reads the arguments of a tool's command. Throws VALIDATION_ERROR. */
export function readArguments(flags: Flags | undefined, args: readonly string[]): GivenInput {
  if (args.length === 0) return flags?.size === 0 ? { from: "flags", input: {} } : { from: "stdin" };
  const values = parse(flags, args);
  const input: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const flag = flags?.get(name);
    if (flag === undefined) continue;
    input[flag.property] = Array.isArray(value)
      ? value.map((each) => convert(flag.kind, each))
      : convert(flag.kind, value);
  }
  const given = Object.keys(input).length;
  // A property of that name has the flag.
  const json = flags?.has("json") ? undefined : values["json"];
  const file = flags?.has("json-file") ? undefined : values["json-file"];
  if (Number(given > 0) + Number(json !== undefined) + Number(file !== undefined) > 1)
    throw new ToolFailure("VALIDATION_ERROR", "Give the input as flags, with --json or with --json-file");
  if (json === "-") return { from: "stdin" };
  if (typeof json === "string") return { from: "text", text: json };
  if (typeof file === "string") return { from: "file", path: file };
  return { from: "flags", input };
}

/** How the flags are written, for people and agents: `--city <string> [--days <number>]`. */
export function signatureOf(flags: Flags | undefined): string {
  if (flags === undefined) return "--json <object>";
  const parts = [...flags.values()].map(({ info: { flag, type, required } }) => {
    const text = type === "boolean" ? flag : `${flag} <${type}>`;
    return required ? text : `[${text}]`;
  });
  return parts.join(" ");
}

/** The flags that give an input, as a shell reads them. */
export function toFlags(flags: Flags | undefined, input: unknown): string {
  const values = record(input);
  const inFlags = Object.entries(values).map(([property, value]) => {
    const flag = flags && [...flags.values()].find((each) => each.property === property);
    return flag && write(flag, value);
  });
  return inFlags.every((each) => each !== undefined)
    ? inFlags.join(" ")
    : `--json ${quote(JSON.stringify(input))}`;
}

function write({ kind, repeats, info: { flag } }: Flag, value: unknown): string | undefined {
  if (repeats) {
    if (!Array.isArray(value)) return undefined;
    return value.map((each) => `${flag} ${quote(String(each))}`).join(" ");
  }
  if (kind === "boolean") return value === true ? flag : flag.replace("--", "--no-");
  return `${flag} ${quote(kind === "json" ? JSON.stringify(value) : String(value))}`;
}

function quote(text: string): string {
  return /^[\w./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function parse(flags: Flags | undefined, args: readonly string[]) {
  const ofTool = [...(flags ?? [])].map(([name, { kind, repeats }]) => [
    name,
    { type: kind === "boolean" ? "boolean" : "string", multiple: repeats },
  ]);
  const options: ParseArgsOptionsConfig = { ...own, ...Object.fromEntries(ofTool) };
  try {
    return parseArgs({ args: [...args], options, allowNegative: true, strict: true }).values;
  } catch (error) {
    throw new ToolFailure("VALIDATION_ERROR", error instanceof Error ? error.message : String(error));
  }
}

/** What cannot be converted stays as it is: the schema refuses it with a better message. */
function convert(kind: Kind, value: string | boolean | undefined): unknown {
  if (typeof value !== "string") return value;
  if (kind === "number") return value.trim() === "" || Number.isNaN(Number(value)) ? value : Number(value);
  if (kind !== "json") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function typeOf(given: Readonly<Record<string, unknown>>): { kind: Kind; repeats: boolean; type: string } {
  const schema = withoutNull(given);
  const { type, enum: values, items } = schema;
  const isChoice = Array.isArray(values) && values.every((each) => typeof each === "string");
  if (isChoice) return { kind: "string", repeats: false, type: values.join("|") };
  if (type === "array") {
    const item = typeOf(record(items));
    if (item.kind === "string" || item.kind === "number")
      return { ...item, repeats: true, type: `${item.type.includes("|") ? `(${item.type})` : item.type}[]` };
    return { kind: "json", repeats: false, type: "json" };
  }
  if (type === "integer") return { kind: "number", repeats: false, type: "number" };
  if (type === "string" || type === "number" || type === "boolean")
    return { kind: type, repeats: false, type };
  return { kind: "json", repeats: false, type: "json" };
}

/** The one schema besides that of null, of `["string", "null"]` or of a choice. */
function withoutNull(schema: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { type, anyOf } = schema;
  if (Array.isArray(type)) {
    const types = type.filter((each) => each !== "null");
    return types.length === 1 ? { ...schema, type: types[0] } : {};
  }
  if (!Array.isArray(anyOf)) return schema;
  const choices = anyOf.map(record).filter((each) => each["type"] !== "null");
  return choices.length === 1 ? (choices[0] ?? {}) : {};
}

function toKebabCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}
