import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { systemPorts } from "@holdfast/core";
import { WebSocket } from "ws";
import type { Gateway } from "../gateway.ts";
import { parseRoute } from "../route.ts";
import { InspectorSockets } from "./inspector-sockets.ts";

test("a client that leaves during authentication is not watched for", async (t) => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<"owner">();
  let inspections = 0;
  const gateway = {
    guard: { check: () => undefined },
    routeOf: parseRoute,
    management: {
      access: {
        admit: () => {
          asked.resolve();
          return answer.promise;
        },
      },
    },
    directory: {
      ports: systemPorts(),
      inspect: async () => {
        inspections++;
      },
    },
  };
  const sockets = new InspectorSockets(gateway as unknown as Gateway);
  const server = createServer();
  t.after(() => server.close());
  const upgraded = Promise.withResolvers<Duplex>();
  server.on("upgrade", (request, duplex, head) => {
    upgraded.resolve(duplex);
    sockets.accept(request, duplex, head, request.url ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const path = "/actors/room/@a,/inspector/connect";
  const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, "holdfast.inspector.v1");
  client.on("error", () => undefined);
  const duplex = await upgraded.promise;
  await asked.promise;
  const gone = new Promise((resolve) => duplex.once("close", resolve));
  client.terminate();
  await gone;
  await nextTurn();
  answer.resolve("owner");
  await nextTurn();
  assert.equal(inspections, 0);
});
