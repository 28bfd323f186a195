import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { actor } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { allActors, rawActors } from "@holdfast/testing/actors";
import { actorsOf, embeddedOnly } from "@holdfast/testing/backends";
import { WebSocket as NodeSocket } from "ws";
import { Condition, serve } from "./support.ts";

/** Opens a connection, sends `text`, and collects what comes until the server ends it. */
function talk(t: TestContext, port: number, text: string) {
  const socket = connect(port, "127.0.0.1", () => socket.write(text));
  t.after(() => socket.destroy());
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString("latin1");
  });
  socket.on("error", () => undefined);
  const ended = new Promise<string>((resolve) => socket.on("close", () => resolve(answer)));
  return { socket, ended };
}

describe("slow, large and malformed requests", () => {
  for (const [what, path] of [
    ["a call", "/actors/echo/~a,/actions/same"],
    ["a raw request", "/actors/mirror/~a,/request/size"],
  ] as const) {
    test(`the body of ${what} that does not come is given up: 408`, {
      skip: embeddedOnly("turns the timers of its process"),
    }, async (t) => {
      t.mock.timers.enable({ apis: ["setTimeout"] });
      // The age of a body is measured on this clock.
      const now = performance.now.bind(performance);
      let aheadMs = 0;
      t.mock.method(performance, "now", () => now() + aheadMs);
      const { listening, client } = await serve(t, { ...allActors, ...rawActors });
      const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n`;
      const { ended } = talk(t, listening.port, `${head}Content-Length: 10\r\n\r\n{"a`);
      let over = false;
      void ended.then(() => {
        over = true;
      });
      while (!over) {
        aheadMs += 31_000;
        t.mock.timers.tick(31_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const answer = await ended;
      assert.match(answer, /^HTTP\/1\.1 408 /);
      assert.match(answer, /body_timed_out/);
      t.mock.timers.reset();
      assert.equal(await client().echo.getOrCreate("b").same(1), 1);
    });
  }

  test("headers past the limit are refused", async (t) => {
    const { listening } = await serve(t, rawActors);
    const head = `GET /actors/mirror/~a,/request/x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n`;
    const fits = await talk(t, listening.port, `${head}x-a: ${"a".repeat(32_000)}\r\n\r\n`).ended;
    assert.match(fits, /^HTTP\/1\.1 200 /);
    const refused = await talk(t, listening.port, `${head}x-a: ${"a".repeat(33_000)}\r\n\r\n`).ended;
    assert.match(refused, /^HTTP\/1\.1 431 /);
  });

  test("malformed paths and unknown names are typed errors, and make nothing", async (t) => {
    const { url, registry } = await serve(t, rawActors);
    const expected = {
      "/actors/nobody/~a,/request/x": [404, "not_found"],
      "/actors/mirror/~a/request/x": [400, "invalid_key"],
      "/actors/mirror/~%zz,/request/x": [400, "invalid_key"],
      "/actors/%zz/~a,/request/x": [400, "malformed_path"],
      "/actors/mirror/~a,/requests": [404, "not_found"],
      "/actors/mirror/~a,/websocket/x": [426, "upgrade_required"],
      [`/actors/mirror/~${"k".repeat(129)},/request`]: [400, "key_too_long"],
    } as const;
    for (const [path, [status, code]] of Object.entries(expected)) {
      const response = await fetch(url + path);
      assert.deepEqual(
        [response.status, ((await response.json()) as { code: string }).code],
        [status, code],
        path,
      );
    }
    assert.equal((await actorsOf(registry)).size, 0);
  });

  test("names that are dots, and ids that look like keys, do not lead elsewhere", async (t) => {
    const { client, registry } = await serve(t, rawActors);
    for (const actors of [client(), registry.client]) {
      for (const name of [".", ".."]) {
        assert.throws(
          () => actors.get(name, "a"),
          (error) => isErrorCode(error, "actor", "invalid_name"),
        );
      }
      for (const id of ["..", ".", "", "~a,", "@a,", "../../x"]) {
        const call = actors.mirror.getForId(id).requests();
        await assert.rejects(call, { code: "not_found" }, id);
      }
    }
    assert.equal((await actorsOf(registry)).size, 0);
  });

  test("a WebSocket message past 32 MiB closes the socket with 1009", async (t) => {
    const { url } = await serve(t, rawActors);
    const socket = new NodeSocket(`${url.replace("http", "ws")}/actors/sockets/~a,/websocket/`);
    await new Promise((resolve) => socket.once("message", resolve));
    const end = new Promise<number>((resolve) => socket.on("close", resolve));
    socket.on("error", () => undefined);
    socket.send(new Uint8Array(32 * 1_048_576 + 1));
    assert.equal(await end, 1009);
  });
});

describe("handles", () => {
  for (const where of ["over the network", "in the process"] as const) {
    test(`reload starts the actor anew, ${where}`, async (t) => {
      let starts = 0;
      const restarted = actor({
        state: { kept: 0 },
        onWake: () => {
          starts += 1;
        },
        actions: {
          keep: (c) => {
            c.state.kept += 1;
          },
          kept: (c) => c.state.kept,
        },
      });
      const { client, registry } = await serve(t, { restarted });
      const handle = (where === "in the process" ? registry.client : client()).restarted.getOrCreate("a");
      await handle.keep();
      await handle.reload();
      assert.equal(starts, 2);
      assert.equal(await handle.kept(), 1);
      await assert.rejects(client().restarted.get("absent").reload(), (error) =>
        isErrorCode(error, "actor", "not_found"),
      );
    });

    test(`a request in the grace of a sleep waits, or does not when it says so, ${where}`, async (t) => {
      const progress = new Condition();
      let asleep = false;
      const grace = Promise.withResolvers<void>();
      let starts = 0;
      const sleeper = actor({
        onWake: () => {
          starts += 1;
        },
        onSleep: () => {
          asleep = true;
          progress.changed();
          return starts === 1 ? grace.promise : undefined;
        },
        onRequest: () => new Response(String(starts)),
        actions: { sleep: (c) => c.sleep() },
      });
      const { client, registry } = await serve(t, { sleeper });
      const handle = (where === "in the process" ? registry.client : client()).sleeper.getOrCreate("a");
      await handle.sleep();
      await progress.until(() => asleep);
      assert.equal(await (await handle.fetch("/", { skipReadyWait: true })).text(), "1");
      const waiting = handle.fetch("/");
      grace.resolve();
      assert.equal(await (await waiting).text(), "2");
    });

    test(`a get-or-create handle with input makes its actor again after a destruction, ${where}`, async (t) => {
      const made = actor({
        createState: (_c, input: { readonly name: string }) => ({ name: input.name }),
        onRequest: (c) => new Response(c.state.name),
        actions: { destroy: (c) => c.destroy(), name: (c) => c.state.name },
      });
      const { client, registry } = await serve(t, { made });
      const actors = where === "in the process" ? registry.client : client();
      const handle = actors.made.getOrCreate("a", { createWithInput: { name: "ann" } });
      assert.equal(await (await handle.fetch("/")).text(), "ann");
      const id = await handle.resolve();
      await handle.destroy();
      assert.equal(await (await handle.fetch("/")).text(), "ann");
      assert.notEqual(await handle.resolve(), id);
      assert.equal((await actors.made.getForId(id).fetch("/")).status, 404);
    });
  }
});
