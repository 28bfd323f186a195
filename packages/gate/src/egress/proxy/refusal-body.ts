import { type HoldfastError, toProblem } from "@holdfast/core";
import type { EgressProvider } from "../egress.ts";

/**
 * Problem details, with the `error` object in which model clients look for the message, in the words of
 * the client's own wire: so that it shows the refusal instead of a parse error.
 */
export function refusalBody(error: HoldfastError, provider: EgressProvider = "none"): string {
  const type = `${error.group}.${error.code}`;
  const problem = toProblem(error);
  const { message } = error;
  const spent = error.code === "budget_exceeded";
  const fast = error.code === "rate_limited";
  switch (provider) {
    case "anthropic":
      return JSON.stringify({
        ...problem,
        type: "error",
        error: {
          type: spent ? "billing_error" : fast ? "rate_limit_error" : "permission_error",
          code: type,
          message,
        },
      });
    case "google":
      return JSON.stringify({
        ...problem,
        error: {
          code: error.statusCode,
          message,
          status: spent || fast ? "RESOURCE_EXHAUSTED" : "PERMISSION_DENIED",
        },
      });
    case "openai":
    case "openrouter":
    case "openai-compatible":
      return JSON.stringify({
        ...problem,
        error: {
          type: spent ? "insufficient_quota" : fast ? "rate_limit_exceeded" : type,
          code: type,
          message,
          param: null,
        },
      });
    case "none":
      return JSON.stringify({ ...problem, error: { type, code: type, message } });
  }
}
