/** Removes the one-time ticket from the address, so that it stays neither in the history nor in a shared link. */
export function takeTicket(location: Location, history: History): string | undefined {
  const ticket = new URLSearchParams(location.hash.slice(1)).get("ticket");
  if (ticket === null) return undefined;
  history.replaceState(null, "", location.pathname + location.search);
  return ticket;
}

export type ExchangeResult = "signed-in" | "refused" | "unreachable";

/** Exchanges the ticket for an HttpOnly cookie. A ticket works once, for a short time. */
export async function exchangeTicket(ticket: string): Promise<ExchangeResult> {
  try {
    const response = await fetch("/auth/exchange", {
      method: "POST",
      credentials: "same-origin",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ticket }),
    });
    return response.ok ? "signed-in" : "refused";
  } catch {
    return "unreachable";
  }
}
