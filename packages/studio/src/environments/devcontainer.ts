import { type ParseError, parse, printParseErrorCode } from "jsonc-parser";
import { studioLimits } from "../limits.ts";
import type { EnvironmentStep } from "./environment.ts";
import { invalidFile, isVariableName, type ParsedEnvironment } from "./environment-file.ts";

/** Keys that describe the file itself. */
const descriptive = new Set(["$schema", "name"]);

/**
 * Reads the parts of a `devcontainer.json` that mean something in a jail: `postCreateCommand`, `containerEnv` and
 * `remoteEnv`. All others are named in `notSupported`. Throws `environment.invalid_file` if it is not JSON with comments.
 */
export function parseDevcontainer(text: string, source: string): ParsedEnvironment {
  const errors: ParseError[] = [];
  const file: unknown = parse(text, errors, { allowTrailingComma: true, disallowComments: false });
  const [first] = errors;
  if (first !== undefined) {
    const line = text.slice(0, first.offset).split("\n").length;
    throw invalidFile(source, line, "", `is not JSON (${printParseErrorCode(first.error)})`);
  }
  if (typeof file !== "object" || file === null || Array.isArray(file))
    throw invalidFile(source, 1, "", "must be an object");
  const { postCreateCommand, containerEnv, remoteEnv, ...rest } = file as Readonly<Record<string, unknown>>;
  const notSupported = Object.keys(rest).filter((key) => !descriptive.has(key));
  const steps = stepsOf(postCreateCommand);
  if (steps === undefined) notSupported.push("postCreateCommand");
  return {
    source,
    required: false,
    variables: {
      ...variablesOf("containerEnv", containerEnv, notSupported),
      ...variablesOf("remoteEnv", remoteEnv, notSupported),
    },
    steps: steps ?? [],
    checks: [],
    services: [],
    network: [],
    caches: [],
    notSupported,
  };
}

/** A command is a text for the shell, a list of arguments, or an object of named ones. Undefined for anything else. */
function stepsOf(command: unknown): readonly EnvironmentStep[] | undefined {
  if (command === undefined || command === "") return [];
  const single = shellOf(command);
  if (single !== undefined) return [step("postCreateCommand", single)];
  if (typeof command !== "object" || command === null || Array.isArray(command)) return undefined;
  const named = Object.entries(command).map(([name, each]) => ({ name, run: shellOf(each) }));
  if (named.length > studioLimits.maxEnvironmentSteps) return undefined;
  const steps: EnvironmentStep[] = [];
  for (const { name, run } of named) {
    if (run === undefined) return undefined;
    steps.push(step(name.slice(0, 64), run));
  }
  return steps;
}

function shellOf(command: unknown): string | undefined {
  if (typeof command === "string") return command;
  if (!Array.isArray(command) || command.length === 0) return undefined;
  const quoted = command.map((word) => (typeof word === "string" ? quote(word) : undefined));
  return quoted.includes(undefined) ? undefined : quoted.join(" ");
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function step(name: string, run: string): EnvironmentStep {
  return { name, run, timeoutMs: studioLimits.environmentStepMs };
}

/** The variables whose values are plain texts. Those with references, such as `${localEnv:HOME}`, mean another machine. */
function variablesOf(key: string, value: unknown, notSupported: string[]): Record<string, string> {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    notSupported.push(key);
    return {};
  }
  const variables: Record<string, string> = {};
  for (const [name, text] of Object.entries(value)) {
    const isPlain = typeof text === "string" && !/\$\{|\0/.test(text) && text.length <= 4_096;
    if (isPlain && isVariableName(name)) variables[name] = text;
    else notSupported.push(`${key}.${name}`);
  }
  return variables;
}
