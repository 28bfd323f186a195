import { HoldfastError } from "@holdfast/core";

const endLoginMs = 2_000;

/** A login of a command ends with it: kept for its thirty days, those of many would push out a browser's. */
export async function endLogin(url: string, cookie: string): Promise<void> {
  const signal = AbortSignal.timeout(endLoginMs);
  // Where the server is gone by now, there is nobody to tell.
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
