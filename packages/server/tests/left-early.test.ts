import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { request, type ServerResponse } from "node:http";
import { test } from "node:test";
import { actor } from "@holdfast/actors";
import { Condition, serve } from "./support.ts";

test("who leaves while onAuth is asked, without a key to come back with, has called nothing", async (t) => {
  const changed = new Condition();
  const doors: (() => void)[] = [];
  const seen: string[] = [];
  const slow = actor({
    onAuth: () =>
      new Promise<void>((resolve) => {
        doors.push(resolve);
        changed.changed();
      }),
    onConnect: (_c, conn) => {
      if (conn.params !== "ping") seen.push("connected");
    },
    actions: {
      ping: () => true,
      note: (_c, value?: string) => {
        seen.push(value ?? "nothing");
        changed.changed();
      },
    },
  });
  // The server's end of each request, which tells when it has seen that the client is gone.
  const answers: ServerResponse[] = [];
  const begun = (message: unknown): void => {
    answers.push((message as { readonly response: ServerResponse }).response);
  };
  subscribe("http.server.request.start", begun);
  t.after(() => unsubscribe("http.server.request.start", begun));
  const { url, registry } = await serve(t, { slow });
  const asked = async (begin: () => void): Promise<void> => {
    const before = doors.length;
    begin();
    await changed.until(() => doors.length > before);
  };
  /** What comes of it has begun when another request has been served, if anything does. */
  const letIn = async (): Promise<void> => {
    // What follows on the same way has arrived after the end of the request.
    await registry.client.slow.getOrCreate("a", { params: "ping" }).ping();
    doors.at(-1)?.();
    await fetch(`${url}/health`);
  };
  const leaves = async (path: string, method: string): Promise<void> => {
    const call = request(`${url}/actors/slow/@a,${path}`, { method });
    call.on("error", () => {});
    await asked(() => call.end());
    const closed = new Promise((resolve) => answers.at(-1)?.once("close", resolve));
    call.destroy();
    await closed;
    await letIn();
  };
  // In process nobody is asked.
  await registry.client.slow.getOrCreate("a").note("made");
  seen.length = 0;
  await leaves("/actions/note", "POST");
  await leaves("/events?event=x", "GET");
  const gone = new AbortController();
  let answer: Promise<Response> | undefined;
  const mounted = new Request(`${url}/actors/slow/@a,/actions/note`, { method: "POST", signal: gone.signal });
  await asked(() => {
    answer = registry.handler(mounted);
  });
  gone.abort();
  await letIn();
  await answer;
  assert.deepEqual(seen, []);
});
