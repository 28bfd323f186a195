/** Writes the data of a server of actors, in the middle of their work. */
import { createClient } from "holdfast/client";
import { type GoldenRegistry, goldenRegistry } from "./actors.ts";

/** A schedule that is due when the data is read, and not while it is written. */
const soonMs = 20_000;

export async function writeActors(dataDirectory: string): Promise<void> {
  const registry = goldenRegistry(dataDirectory);
  const { url } = await registry.start();
  const client = createClient<GoldenRegistry>(url);
  try {
    const notebook = client.notebook.getOrCreate(["tides", "a,b"]);
    await notebook.fill();
    await notebook.add("High water");
    await notebook.add("Low water");

    const mailbox = client.mailbox.getOrCreate("ann");
    for (const text of ["one", "two", "three"]) await mailbox.send("letters", { text });
    await mailbox.receive();

    await client.alarm.getOrCreate("kitchen").arm(soonMs);

    const order = client.order.getOrCreate("1").connect();
    const priced = new Promise<void>((resolve) => order.once("priced", () => resolve()));
    await order.ready;
    await priced;
    await order.dispose();

    await client.room.getOrCreate("hall", { params: { name: "Ann" } }).say("Hello");
  } finally {
    await client.dispose();
    await registry.shutdown();
  }
}
