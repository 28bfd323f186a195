import { HoldfastError } from "@holdfast/core";
import type { NamespacesOptions } from "@holdfast/server";

/**
 * The namespaces of the program, with those of HOLDFAST_NAMESPACES: `acme=token,beta=token`, the token being optional.
 * The environment belongs to the operator and overrides the program. Throws `gateway.invalid_config`.
 */
export function namespacesOf(given: NamespacesOptions | undefined): NamespacesOptions | undefined {
  const text = process.env["HOLDFAST_NAMESPACES"]?.trim();
  if (text === undefined || text === "") return given;
  const entries = text.split(",").map((entry) => {
    const [name = "", ...token] = entry.trim().split("=");
    if (name === "") throw malformed();
    return [name, token.length === 0 ? {} : { token: token.join("=") }] as const;
  });
  return { ...given, ...Object.fromEntries(entries) };
}

function malformed(): HoldfastError {
  const message = "HOLDFAST_NAMESPACES is not a list such as acme=token,beta=token";
  return new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}
