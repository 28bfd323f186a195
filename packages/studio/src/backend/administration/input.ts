import { HoldfastError } from "@holdfast/core";
import {
  type AuditPageQuery,
  auditDecisions,
  type PolicyQuestionInput,
} from "../../contract/administration.ts";
import { type SignInProviderId, type SignInProviderInput, signInProviderIds } from "../../contract/people.ts";

export function invalid(message: string): HoldfastError {
  return new HoldfastError("administration", "invalid_input", message, { statusCode: 400 });
}

const maxLimit = 500;

/** Throws `administration.invalid_input`. */
export function readAuditQuery(value: unknown): AuditPageQuery & { readonly limit: number } {
  const given: Partial<Record<keyof AuditPageQuery, unknown>> = Object(value ?? {});
  const { decision, limit = 100 } = given;
  const text = (name: "type" | "person" | "task" | "node") => {
    const found = given[name];
    if (found === undefined) return {};
    if (typeof found === "string" && found !== "" && found.length <= 400) return { [name]: found };
    throw invalid(`\`${name}\` must be text of 1 to 400 characters`);
  };
  const number = (name: "since" | "until" | "cursor") => {
    const found = given[name];
    if (found === undefined) return {};
    if (Number.isSafeInteger(found) && Number(found) >= 0) return { [name]: Number(found) };
    throw invalid(`\`${name}\` must be a whole number, zero or more`);
  };
  const known = auditDecisions.find((each) => each === decision);
  if (decision !== undefined && known === undefined)
    throw invalid(`\`decision\` must be one of: ${auditDecisions.join(", ")}`);
  if (!Number.isSafeInteger(limit) || Number(limit) < 1 || Number(limit) > maxLimit)
    throw invalid(`\`limit\` must be a number from 1 to ${maxLimit}`);
  return {
    ...text("type"),
    ...text("person"),
    ...text("task"),
    ...text("node"),
    ...number("since"),
    ...number("until"),
    ...number("cursor"),
    ...(known === undefined ? {} : { decision: known }),
    limit: Number(limit),
  };
}

/** Throws `administration.invalid_input`. */
export function readText(value: unknown, name: string, max: number): string {
  if (typeof value === "string" && value !== "" && value.length <= max) return value;
  throw invalid(`\`${name}\` must be text of 1 to ${max} characters`);
}

/** Throws `administration.invalid_input`. */
export function readQuestion(value: unknown): PolicyQuestionInput {
  const given: Partial<Record<keyof PolicyQuestionInput, unknown>> = Object(value ?? {});
  const { arguments: args, tainted } = given;
  const optional = (name: "group" | "user" | "agent" | "text", max = 400) =>
    given[name] === undefined ? {} : { [name]: readText(given[name], name, max) };
  const isObject = typeof args === "object" && args !== null && !Array.isArray(args);
  if (args !== undefined && !isObject) throw invalid("`arguments` must be an object");
  return {
    tool: readText(given.tool, "tool", 400),
    ...optional("group"),
    ...optional("user"),
    ...optional("agent"),
    ...optional("text", 1_000_000),
    ...(isObject ? { arguments: args as Readonly<Record<string, unknown>> } : {}),
    ...(tainted === undefined ? {} : { tainted: tainted === true }),
  };
}

/** Throws `administration.invalid_input`. The fields are checked by whoever keeps them. */
export function readProvider(value: unknown): SignInProviderInput {
  const given: Partial<Record<keyof SignInProviderInput, unknown>> = Object(value ?? {});
  return { ...given, id: readProviderId(given.id) } as SignInProviderInput;
}

/** Throws `administration.invalid_input`. */
export function readProviderId(value: unknown): SignInProviderId {
  const known = signInProviderIds.find((id) => id === value);
  if (known !== undefined) return known;
  throw invalid(`\`id\` must be one of: ${signInProviderIds.join(", ")}`);
}
