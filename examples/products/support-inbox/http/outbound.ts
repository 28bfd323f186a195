/** Answers that leave the product: signed requests to the system from which the messages came. */
import { createHmac } from "node:crypto";
import type { Message, TicketState } from "../ticket-data.ts";

/** Where answers go; undefined: customers read them on the page. */
export const outbound = process.env["OUTBOUND_URL"];
const timeoutMs = 15_000;

/** The value of `x-signature`: HMAC-SHA256 of the time, a dot and the body, in hexadecimal. */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
}

/** True once the receiver has taken the answer. It may get one twice: its id tells. */
export async function deliver(
  ticketId: string,
  { customer, subject }: TicketState,
  { id, name, text }: Message,
  signal: AbortSignal,
): Promise<boolean> {
  if (outbound === undefined) return false;
  const body = JSON.stringify({ id, ticket: ticketId, to: { ...customer }, subject, from: { name }, text });
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signature = signatureOf(process.env["WEBHOOK_SECRET"] ?? "", timestamp, body);
  try {
    const response = await fetch(outbound, {
      method: "POST",
      headers: { "content-type": "application/json", "x-timestamp": timestamp, "x-signature": signature },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    return response.ok;
  } catch {
    return false;
  }
}
