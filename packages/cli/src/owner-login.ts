import { HoldfastError } from "@holdfast/core";

const endLoginMs = 2_000;

/**
 * Ends the login of a command. Logins last thirty days and their number is limited: many commands would otherwise push
 * out the login of a browser.
 */
export async function endLogin(url: string, cookie: string): Promise<void> {
  const signal = AbortSignal.timeout(endLoginMs);
  // The server may have stopped already.
  await fetch(`${url}/auth/end`, { method: "POST", headers: { cookie }, signal }).catch(() => {});
}

/** Exchanges a one-time ticket for a cookie. Throws `auth.unauthorized`. */
export async function exchangeTicket(url: string, ticket: string): Promise<string> {
  const response = await fetch(`${url}/auth/exchange`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ticket }),
  });
  const cookie = response.headers.getSetCookie()[0]?.split(";")[0];
  if (!response.ok || cookie === undefined) {
    throw new HoldfastError("auth", "unauthorized", "The running server did not accept its own ticket");
  }
  return cookie;
}
