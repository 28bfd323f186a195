import { HoldfastError } from "@holdfast/core";
import type { PublishInput } from "../../contract/publish.ts";
import { studioLimits } from "../../limits.ts";

const branchPrefix = "holdfast/";

/** Checks what somebody has entered, and drops unknown fields. Throws `publish.invalid_input`. */
export function readPublishInput(input: unknown): PublishInput {
  if (input === undefined || input === null) return {};
  if (typeof input !== "object") throw invalid("it must be an object");
  const { title, body, draft, baseBranch, branch, reviewers } = input as Readonly<Record<string, unknown>>;
  if (draft !== undefined && typeof draft !== "boolean") throw invalid("draft must be true or false");
  if (title !== undefined && textOf("title", title, studioLimits.maxPullRequestTitle).trim() === "")
    throw invalid("title must not be empty");
  return {
    ...(title === undefined ? {} : { title: String(title).trim().replace(/\s+/g, " ") }),
    ...(body === undefined ? {} : { body: textOf("body", body, studioLimits.maxPullRequestBody) }),
    ...(draft === undefined ? {} : { draft }),
    ...(baseBranch === undefined ? {} : { baseBranch: branchOf("baseBranch", baseBranch) }),
    ...(branch === undefined ? {} : { branch: ownBranchOf(branch) }),
    ...(reviewers === undefined ? {} : { reviewers: reviewersOf(reviewers) }),
  };
}

/** Throws `publish.invalid_input`. */
export function readMergeMethod(options: unknown): "merge" | "squash" {
  const { method = "merge" } = Object(options) as { readonly method?: unknown };
  if (method === "merge" || method === "squash") return method;
  throw invalid("method must be merge or squash");
}

function ownBranchOf(value: unknown): string {
  const branch = branchOf("branch", value);
  if (branch.startsWith(branchPrefix)) return branch;
  throw invalid(`branch must begin with ${branchPrefix}`);
}

function branchOf(name: string, value: unknown): string {
  const text = textOf(name, value, 200);
  // What git check-ref-format allows for a branch.
  const isName =
    !/[\p{Cc}\s~^:?*[\\]|\.\.|@\{|\/\/|\/\.|\.\/|\.lock(?:\/|$)/u.test(text) && !/^[-./]|[./]$/.test(text);
  if (isName && text !== "@") return text;
  throw invalid(`${name} must be the name of a branch`);
}

function reviewersOf(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length > studioLimits.maxReviewers)
    throw invalid(`reviewers must be a list of at most ${studioLimits.maxReviewers} names`);
  const names = value.map((name) => textOf("a reviewer", name, 100));
  if (names.some((name) => !/^[\w.-]+$/.test(name))) throw invalid("a reviewer must be the name of a user");
  return [...new Set(names)];
}

function textOf(name: string, value: unknown, max: number): string {
  if (typeof value === "string" && value.length <= max) return value;
  throw invalid(`${name} must be text of at most ${max} characters`);
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("publish", "invalid_input", `The task cannot be published so: ${message}.`, {
    statusCode: 400,
  });
}
