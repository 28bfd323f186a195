import { HoldfastError } from "@holdfast/core";
import { parseStrictJson, StrictJsonError } from "../broker/messages/strict-json.ts";
import { segmentsOf } from "./conditions.ts";
import { isPointer } from "./pointer.ts";
import type { PolicyAction } from "./policy.ts";
import {
  type JsonValue,
  type PolicyCondition,
  type PolicyRule,
  type PolicyRules,
  type PolicyScalar,
  type PolicySubject,
  policyFile,
  policyLimits,
  policySubjects,
} from "./rule.ts";

type Fields = Readonly<Record<string, unknown>>;

/** An error about the value at `path`, a JSON pointer into the file. */
function invalid(path: string, problem: string): HoldfastError {
  const place = path === "" ? "" : ` at ${path}`;
  return new HoldfastError("policy", "invalid_file", `${policyFile} cannot be used${place}: ${problem}`, {
    statusCode: 400,
    metadata: { path, problem },
  });
}

/**
 * Parses a policy file strictly: anything unknown is an error, since a rule that is left out is
 * a protection that is left out. Throws `policy.invalid_file`, whose `metadata.path` says where.
 */
export function parsePolicy(bytes: Uint8Array): PolicyRules {
  const { maxFileBytes, maxDepth, maxRules } = policyLimits;
  if (bytes.length > maxFileBytes) throw invalid("", `it is larger than ${maxFileBytes} bytes`);
  let value: unknown;
  try {
    value = parseStrictJson(bytes, maxDepth);
  } catch (error) {
    if (error instanceof StrictJsonError) throw invalid("", error.message);
    throw error;
  }
  const file = fieldsOf(value, "", ["version", "rules"]);
  if (file["version"] !== 1) throw invalid("/version", "version must be 1");
  const rules = listOf(file["rules"], "/rules", 0, maxRules).map((each, at) => ruleOf(each, `/rules/${at}`));
  const seen = new Set<string>();
  rules.forEach(({ id }, at) => {
    if (seen.has(id)) throw invalid(`/rules/${at}/id`, "another rule has this id");
    seen.add(id);
  });
  return { version: 1, rules };
}

function fieldsOf(value: unknown, path: string, known: readonly string[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(path, "must be an object");
  }
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) throw invalid(`${path}/${name}`, "unknown field");
  }
  return { ...value };
}

function listOf(value: unknown, path: string, min: number, max: number): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(path, "must be a list");
  if (value.length < min || value.length > max) throw invalid(path, `must have ${min} to ${max} entries`);
  return value;
}

function textOf(value: unknown, path: string, max: number = policyLimits.maxTextCharacters): string {
  if (typeof value !== "string" || value.length > max) {
    throw invalid(path, `must be a string of at most ${max} characters`);
  }
  return value;
}

const ruleFields = ["id", "subjects", "tools", "when", "tainted", "action", "reason"];

function ruleOf(value: unknown, path: string): PolicyRule {
  const given = fieldsOf(value, path, ruleFields);
  const { subjects, when, tainted, reason } = given;
  if (tainted !== undefined && typeof tainted !== "boolean") {
    throw invalid(`${path}/tainted`, "must be true or false");
  }
  const { maxTools, maxConditions } = policyLimits;
  return {
    id: idOf(given["id"], `${path}/id`),
    ...(subjects === undefined ? {} : { subjects: subjectsOf(subjects, `${path}/subjects`) }),
    tools: listOf(given["tools"], `${path}/tools`, 1, maxTools).map((each, at) =>
      toolOf(each, `${path}/tools/${at}`),
    ),
    ...(when === undefined
      ? {}
      : {
          when: listOf(when, `${path}/when`, 1, maxConditions).map((each, at) =>
            conditionOf(each, `${path}/when/${at}`),
          ),
        }),
    ...(tainted === undefined ? {} : { tainted }),
    action: actionOf(given["action"], `${path}/action`),
    ...(reason === undefined ? {} : { reason: reasonOf(reason, `${path}/reason`) }),
  };
}

function idOf(value: unknown, path: string): string {
  const id = textOf(value, path, policyLimits.maxIdCharacters);
  if (!/^[A-Za-z0-9][\w.-]*$/.test(id)) throw invalid(path, "an id can have letters, digits, _ . and - only");
  return id;
}

function toolOf(value: unknown, path: string): string {
  const tool = textOf(value, path);
  if (!/^[a-z0-9_*?]+$/.test(tool)) throw invalid(path, "must be the name of a tool, or a pattern with *");
  return tool;
}

function actionOf(value: unknown, path: string): PolicyAction {
  if (value === "allow" || value === "ask" || value === "deny") return value;
  throw invalid(path, "an action must be allow, ask or deny");
}

function reasonOf(value: unknown, path: string): string {
  const reason = textOf(value, path, policyLimits.maxReasonCharacters);
  if (reason === "" || /[\p{Cc}\p{Cf}]/u.test(reason))
    throw invalid(path, "a reason must be one line of text");
  return reason;
}

function subjectsOf(value: unknown, path: string): NonNullable<PolicyRule["subjects"]> {
  const given = fieldsOf(value, path, policySubjects);
  const subjects: { [subject in PolicySubject]?: string } = {};
  for (const name of policySubjects) {
    if (given[name] === undefined) continue;
    const subject = textOf(given[name], `${path}/${name}`);
    if (subject === "" || subject.slice(0, -1).includes("*")) {
      throw invalid(`${path}/${name}`, "must be a name, or a prefix that ends with *");
    }
    subjects[name] = subject;
  }
  return subjects;
}

const operators = ["equals", "in", "prefix", "matches", "under", "max", "min", "absent"] as const;

function conditionOf(value: unknown, path: string): PolicyCondition {
  const given = fieldsOf(value, path, ["pointer", ...operators]);
  const pointer = textOf(given["pointer"], `${path}/pointer`);
  if (!isPointer(pointer)) throw invalid(`${path}/pointer`, 'must be a JSON pointer such as "/name"');
  const [operator, second] = operators.filter((each) => given[each] !== undefined);
  if (operator === undefined || second !== undefined) {
    throw invalid(path, `a condition must have a pointer and one of ${operators.join(", ")}`);
  }
  return { pointer, ...comparisonOf(operator, given[operator], `${path}/${operator}`) };
}

type Comparison<C = PolicyCondition> = C extends PolicyCondition ? Omit<C, "pointer"> : never;

function comparisonOf(operator: (typeof operators)[number], value: unknown, at: string): Comparison {
  switch (operator) {
    case "equals":
      return { equals: jsonOf(value, at) };
    case "in":
      return {
        in: listOf(value, at, 1, policyLimits.maxValues).map((each, index) =>
          scalarOf(each, `${at}/${index}`),
        ),
      };
    case "prefix":
      return { prefix: filled(value, at) };
    case "matches":
      return { matches: filled(value, at) };
    case "under": {
      const folder = filled(value, at);
      if (segmentsOf(folder) === undefined) throw invalid(at, "must be a path without .. in it");
      return { under: folder };
    }
    case "max":
      return { max: numberOf(value, at) };
    case "min":
      return { min: numberOf(value, at) };
    case "absent":
      if (typeof value !== "boolean") throw invalid(at, "must be true or false");
      return { absent: value };
  }
}

/** An empty string would match everything. */
function filled(value: unknown, path: string): string {
  const text = textOf(value, path);
  if (text === "") throw invalid(path, "must not be empty");
  return text;
}

function numberOf(value: unknown, path: string): number {
  if (typeof value !== "number") throw invalid(path, "must be a number");
  return value;
}

function scalarOf(value: unknown, path: string): PolicyScalar {
  if (value === null || typeof value === "boolean" || typeof value === "number") return value;
  return textOf(value, path);
}

/** The value comes from a JSON parser, so only the length of its strings is checked. */
function jsonOf(value: unknown, path: string): JsonValue {
  if (Array.isArray(value)) return value.map((each, at) => jsonOf(each, `${path}/${at}`));
  if (typeof value !== "object" || value === null) return scalarOf(value, path);
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, jsonOf(each, `${path}/${name}`)]),
  );
}
