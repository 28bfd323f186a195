import { registry } from "../src/registry.ts";
import { Guests } from "./guests.tsx";

export const dynamic = "force-dynamic";

/** Rendered on the server with what the actor has now; live in the browser from then on. */
export default async function Page() {
  const entries = await registry.client.guestBook.getOrCreate("home").entries();
  return <Guests entries={entries} />;
}
