/** Server rendering: nothing connects, and nothing is kept after the render. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyRegistry, Client } from "@holdfast/client";
import { createElement } from "react";
import { renderToReadableStream, renderToString } from "react-dom/server";
import { createHoldfastWithClient } from "../src/index.ts";

const unused = new Proxy({} as Client<AnyRegistry>, {
  get: (_client, name) => assert.fail(`the server asked its client for "${String(name)}"`),
});
const { useActor } = createHoldfastWithClient(unused);

function Status({ suspense }: { suspense: boolean }) {
  const actor = useActor({ name: "counter", key: ["a"], suspense });
  actor.useEvent("changed", () => assert.fail("no event reaches a server"));
  return createElement("p", null, `${actor.connStatus} ${actor.handle} ${actor.connection} ${actor.error}`);
}

for (const suspense of [false, true]) {
  test(`a server shows what is not connected, ${suspense ? "also where a browser suspends" : "as a browser does at first"}`, async () => {
    const element = createElement(Status, { suspense });
    const shown = "<p>idle null null null</p>";
    assert.equal(renderToString(element), shown);
    assert.equal(await new Response(await renderToReadableStream(element)).text(), shown);
  });
}
