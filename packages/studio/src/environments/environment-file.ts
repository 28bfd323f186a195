import { HoldfastError } from "@holdfast/core";
import { type Document, LineCounter, parseDocument } from "yaml";
import { studioLimits } from "../limits.ts";
import type {
  Environment,
  EnvironmentCache,
  EnvironmentCheck,
  EnvironmentService,
  EnvironmentStep,
  NetworkRule,
} from "./environment.ts";

type Path = readonly (string | number)[];

/** Reads the fields of a parsed file. Throws `environment.invalid_file`, naming line and key. */
class FieldReader {
  readonly #fail: (path: Path, problem: string) => HoldfastError;

  constructor(fail: (path: Path, problem: string) => HoldfastError) {
    this.#fail = fail;
  }

  fail(path: Path, problem: string): HoldfastError {
    return this.#fail(path, problem);
  }

  /** A mapping with these keys alone. */
  object(value: unknown, path: Path, keys: readonly string[]): Readonly<Record<string, unknown>> {
    const found = this.mapping(value, path);
    for (const key of Object.keys(found)) {
      if (!keys.includes(key))
        throw this.fail([...path, key], `is not a key here; known are ${keys.join(", ")}`);
    }
    return found;
  }

  mapping(value: unknown, path: Path): Readonly<Record<string, unknown>> {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw this.fail(path, "must be a mapping of keys to values");
    return value as Readonly<Record<string, unknown>>;
  }

  list(value: unknown, path: Path, max: number): readonly unknown[] {
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.fail(path, "must be a list");
    if (value.length > max) throw this.fail(path, `has ${value.length} entries; at most ${max} are allowed`);
    return value;
  }

  text(value: unknown, path: Path, maxLength: number): string {
    if (typeof value !== "string" || value.trim() === "")
      throw this.fail(path, "must be a text that is not empty");
    if (value.length > maxLength || value.includes("\0"))
      throw this.fail(path, `must have at most ${maxLength} characters, and no NUL`);
    return value;
  }

  matching(value: unknown, path: Path, pattern: RegExp, what: string): string {
    if (typeof value !== "string" || !pattern.test(value)) throw this.fail(path, `must be ${what}`);
    return value;
  }
}

const maxVariables = 100;
const maxInputs = 100;
const maxNetworkRules = 50;
const maxCaches = 10;
const hostPattern = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*$/;

/** A parsed file; `inputs` is undefined if the file does not name them. */
export interface ParsedEnvironment extends Omit<Environment, "inputs"> {
  readonly inputs?: readonly string[];
}

/**
 * Parses `.holdfast/environment.yaml`. Throws `environment.invalid_file` with the line and the key of the first problem
 * in its message and its metadata.
 */
export function parseEnvironmentFile(text: string, source: string): ParsedEnvironment {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const fail = (path: Path, problem: string) => {
    const position = positionOf(path, (each) => document.getIn(each, true));
    return invalidFile(
      source,
      position === undefined ? 1 : lines.linePos(position).line,
      keyOf(path),
      problem,
    );
  };
  const [syntax] = [...document.errors, ...document.warnings];
  if (syntax !== undefined) {
    const line = syntax.linePos?.[0].line ?? 1;
    throw invalidFile(source, line, "", syntax.message.split("\n")[0]?.replace(/ at line .*$/, "") ?? "");
  }
  const read = new FieldReader(fail);
  const keys = ["version", "inputs", "env", "setup", "checks", "services", "network", "caches"];
  const file = read.object(contentOf(document, fail) ?? {}, [], keys);
  if (file["version"] !== undefined && file["version"] !== 1) throw fail(["version"], "must be 1");
  return {
    source,
    required: true,
    ...(file["inputs"] === undefined ? {} : { inputs: readInputs(read, file["inputs"]) }),
    variables: readVariables(read, file["env"]),
    steps: read
      .list(file["setup"], ["setup"], studioLimits.maxEnvironmentSteps)
      .map((step, index) => readStep(read, step, ["setup", index])),
    checks: readChecks(read, file["checks"]),
    services: readServices(read, file["services"]),
    network: read
      .list(file["network"], ["network"], maxNetworkRules)
      .map((rule, index) => readRule(read, rule, ["network", index])),
    caches: readCaches(read, file["caches"]),
    notSupported: [],
  };
}

function contentOf(document: Document, fail: (path: Path, problem: string) => HoldfastError): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    throw fail([], "aliases (*name) are not supported");
  }
}

function readInputs(read: FieldReader, value: unknown): readonly string[] {
  return read.list(value, ["inputs"], maxInputs).map((input, index) => {
    const path = ["inputs", index];
    const name = read.text(input, path, 1_000).replace(/\/+$/, "");
    if (name.startsWith("/") || name.split("/").some((part) => part === "" || part === "." || part === ".."))
      throw read.fail(path, "must be a path in the repository, such as package-lock.json or tools/");
    return name;
  });
}

function readVariables(read: FieldReader, value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  const entries = Object.entries(read.mapping(value, ["env"]));
  if (entries.length > maxVariables)
    throw read.fail(["env"], `at most ${maxVariables} variables are allowed`);
  return Object.fromEntries(
    entries.map(([name, given]) => {
      requireVariable(read, name, ["env", name]);
      const text = typeof given === "number" || typeof given === "boolean" ? String(given) : given;
      if (typeof text !== "string" || text.length > 4_096 || text.includes("\0"))
        throw read.fail(["env", name], "must be a text of at most 4,096 characters");
      return [name, text];
    }),
  );
}

function requireVariable(read: FieldReader, name: unknown, path: Path): string {
  if (typeof name !== "string" || !isVariableName(name))
    throw read.fail(
      path,
      "must be the name of a variable, such as NODE_ENV. PATH, HOME and HOLDFAST_… are Holdfast's",
    );
  return name;
}

/** True for a variable that an environment may set. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_]\w{0,127}$/.test(name) && !/^(?:PATH|HOME|HOLDFAST_.*|CARAPACE_.*)$/.test(name);
}

function readChecks(read: FieldReader, value: unknown): readonly EnvironmentCheck[] {
  const names = new Set<string>();
  return read.list(value, ["checks"], studioLimits.maxChecks).map((each, index) => {
    const path = ["checks", index];
    const { afterTurn, ...step } = read.mapping(each, path);
    if (afterTurn !== undefined && typeof afterTurn !== "boolean")
      throw read.fail([...path, "afterTurn"], "must be true or false");
    const check = readStep(read, step, path, ["afterTurn"]);
    if (names.has(check.name)) throw read.fail([...path, "name"], "is the name of another check");
    names.add(check.name);
    return { ...check, afterTurn: afterTurn === true };
  });
}

function readServices(read: FieldReader, value: unknown): readonly EnvironmentService[] {
  const names = new Set<string>();
  return read.list(value, ["services"], studioLimits.maxServices).map((each, index) => {
    const path = ["services", index];
    const service = readCommand(read, read.object(each, path, ["name", "run"]), path);
    if (names.has(service.name)) throw read.fail([...path, "name"], "is the name of another service");
    names.add(service.name);
    return service;
  });
}

function readStep(
  read: FieldReader,
  value: unknown,
  path: Path,
  moreKeys: readonly string[] = [],
): EnvironmentStep {
  const step = read.object(value, path, ["name", "run", "timeoutMinutes", ...moreKeys]);
  const minutes = step["timeoutMinutes"];
  const most = studioLimits.maxEnvironmentStepMs / 60_000;
  if (minutes !== undefined && !(typeof minutes === "number" && minutes > 0 && minutes <= most))
    throw read.fail([...path, "timeoutMinutes"], `must be a number of minutes, at most ${most}`);
  return {
    ...readCommand(read, step, path),
    timeoutMs: typeof minutes === "number" ? minutes * 60_000 : studioLimits.environmentStepMs,
  };
}

function readCommand(
  read: FieldReader,
  { name, run }: Readonly<Record<string, unknown>>,
  path: Path,
): EnvironmentService {
  return {
    name: read.matching(
      name,
      [...path, "name"],
      /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u,
      "a name of at most 64 letters, digits, spaces, dots, hyphens and underscores",
    ),
    run: read.text(run, [...path, "run"], 16_384),
  };
}

function readRule(read: FieldReader, value: unknown, path: Path): NetworkRule {
  if (value === "npm") return "npm";
  if (typeof value === "string") value = { host: value };
  const rule = read.object(value, path, ["host", "methods", "path", "secret", "as", "username"]);
  const host = read.matching(
    rule["host"],
    [...path, "host"],
    hostPattern,
    "a host name in lower case, such as packages.example.com, or the entry npm alone",
  );
  const methods = read
    .list(rule["methods"], [...path, "methods"], 10)
    .map((each, index) =>
      read.matching(
        each,
        [...path, "methods", index],
        /^[A-Z]{3,10}$/,
        "a method in upper case, such as GET",
      ),
    );
  const { path: prefix, secret, as = "bearer", username } = rule;
  if (secret === undefined && (rule["as"] !== undefined || username !== undefined))
    throw read.fail([...path, rule["as"] === undefined ? "username" : "as"], "needs a secret beside it");
  if (as !== "bearer" && as !== "basic" && as !== "x-api-key")
    throw read.fail([...path, "as"], "must be bearer, basic or x-api-key");
  if ((as === "basic") !== (username !== undefined))
    throw read.fail([...path, "username"], "belongs to “as: basic”, which needs it");
  return {
    host,
    methods: methods.length === 0 ? ["GET", "HEAD"] : methods,
    ...(prefix === undefined
      ? {}
      : { path: read.matching(prefix, [...path, "path"], /^\/[^\s?#]{0,500}$/, "a path, such as /simple/") }),
    ...(secret === undefined
      ? {}
      : {
          secret: {
            name: read.text(secret, [...path, "secret"], 128),
            as,
            ...(username === undefined ? {} : { username: read.text(username, [...path, "username"], 128) }),
          },
        }),
  };
}

function readCaches(read: FieldReader, value: unknown): readonly EnvironmentCache[] {
  if (value === undefined) return [];
  const entries = Object.entries(read.mapping(value, ["caches"]));
  if (entries.length > maxCaches) throw read.fail(["caches"], `at most ${maxCaches} caches are allowed`);
  return entries.map(([name, variable]) => {
    const path = ["caches", name];
    read.matching(name, path, /^[a-z0-9][a-z0-9-]{0,31}$/, "named with small letters, digits and hyphens");
    return { name, variable: requireVariable(read, variable, path) };
  });
}

/** The offset of the value at a path, or of the nearest one around it. */
function positionOf(path: Path, nodeAt: (path: Path) => unknown): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = nodeAt(path.slice(0, length)) as { readonly range?: readonly number[] | null } | undefined;
    const [start] = node?.range ?? [];
    if (start !== undefined) return start;
  }
  return undefined;
}

/** A path as people write it: `setup[0].run`. */
function keyOf(path: Path): string {
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`))
    .join("")
    .replace(/^\./, "");
}

/** The error of a file that cannot be used; `key` is "" for one that cannot be parsed. */
export function invalidFile(source: string, line: number, key: string, problem: string): HoldfastError {
  const place = `${source}, line ${line}${key === "" ? "" : `, ${key}`}`;
  return new HoldfastError(
    "environment",
    "invalid_file",
    `${place}: ${problem}. Correct the file and commit it.`,
    {
      statusCode: 400,
      metadata: { file: source, line, key },
    },
  );
}
