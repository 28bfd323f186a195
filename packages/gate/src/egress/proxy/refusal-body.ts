import { type HoldfastError, toProblem } from "@holdfast/core";
import type { EgressProvider } from "../egress.ts";

/**
 * Problem details (RFC 9457) that also carry the `error` object of the provider's wire format, so that a model client
 * shows the message instead of a parse error.
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
