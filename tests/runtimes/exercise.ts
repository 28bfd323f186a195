/** Exercises of a client in every runtime: calls, errors, events, a lost connection, raw requests. */
import { createClient } from "holdfast/client";
import { check } from "./check.ts";
import { exercisePipes } from "./exercise-pipes.ts";
import type { registry } from "./server.ts";

export async function exercise(endpoint: string, key: string): Promise<string> {
  for (const encoding of ["cbor", "json"] as const) {
    const client = createClient<typeof registry>({ endpoint, encoding });
    const handle = client.counter.getOrCreate([key, encoding]);
    check("call", await handle.add(2), 2);
    const bytes = await handle.echo(new Uint8Array([1, 255]));
    check("bytes", [...(bytes as Uint8Array)], [1, 255]);
    const error = await handle.refuse().catch((thrown: unknown) => thrown as { group: string; code: string });
    check("error", [error?.group, error?.code], ["user", "no"]);

    const conn = handle.connect();
    const heard: number[] = [];
    const third = new Promise<void>((resolve) => {
      conn.on("changed", (count) => {
        heard.push(count);
        if (heard.length === 3) resolve();
      });
    });
    await conn.ready;
    check("call over the connection", await conn.add(1), 3);
    const reopened = new Promise<void>((resolve) => {
      conn.onStatusChange((status) => {
        if (status === "connected") resolve();
      });
    });
    await handle.dropSockets();
    await reopened;
    check("call after the connection was lost", await conn.add(1), 4);
    await handle.add(1);
    await third;
    check("events", heard, [3, 4, 5]);
    await conn.dispose();

    const response = await handle.fetch("/hello?x=1", { method: "POST", body: "body" });
    check("raw request", [response.status, await response.text()], [201, "POST /hello?x=1 body"]);
    await client.dispose();
  }
  await exercisePipes(endpoint, key);
  return "ok";
}
