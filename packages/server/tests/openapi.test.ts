import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { action, actor, event, queue } from "@holdfast/actors";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { z } from "zod";
import { inspected } from "./inspector-actors.ts";
import { serve } from "./support.ts";

type Json = Record<string, unknown>;

// biome-ignore lint/suspicious/noExplicitAny: what a test reads of a document it asserts.
type Loose = any;

async function json(url: string): Promise<Loose> {
  const response = await fetch(url);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/json");
  return response.json();
}

test("the OpenAPI document is valid, and typed where schemas say so", async (t) => {
  const { url } = await serve(t, inspected);
  const document = await json(`${url}/openapi.json`);
  const { valid, errors } = await new Validator().validate(structuredClone(document) as Json);
  assert.deepEqual(errors ?? [], []);
  assert.equal(valid, true);
  assert.equal(document.openapi, "3.1.0");
  const body = (path: string): Loose =>
    document.paths[path].post.requestBody.content["application/json"].schema.properties;
  const add = body("/actors/shop/{actor}/actions/add").args;
  assert.equal(add.type, "array");
  assert.equal(add.prefixItems[0].type, "integer");
  const rename = body("/actors/shop/{actor}/actions/rename").args.prefixItems[0];
  assert.deepEqual([rename.type, rename.required], ["object", ["name"]]);
  const answer = document.paths["/actors/shop/{actor}/actions/rename"].post.responses["200"];
  const { output } = answer.content["application/json"].schema.properties;
  assert.equal(output.properties.ok.type, "boolean");
  assert.deepEqual(body("/actors/shop/{actor}/actions/refuse").args, { type: "array", items: {} });
  assert.deepEqual(body("/actors/shop/{actor}/queues/orders").body.required, ["item"]);
  assert.ok(document.paths["/actors/{name}/{actor}/inspector/state"].patch);
});

test("a generated client may encode the whole name of an actor", async (t) => {
  const { url, client } = await serve(t, inspected);
  const made = await client().shop.getOrCreate(["a,b", "c"]).resolve();
  assert.equal((await json(`${url}/actors/shop/${encodeURIComponent("@a%2Cb,c,")}`)).id, made);
});

test("every path of the document that takes nothing is answered", async (t) => {
  const { url, client } = await serve(t, inspected);
  await client().shop.getOrCreate("a").add(1);
  const { paths } = await json(`${url}/openapi.json`);
  const asked: string[] = [];
  for (const [path, item] of Object.entries<Loose>(paths)) {
    if (item.get === undefined || /\{(id|action|idempotencyKey)\}|rows|history\/at|events$/.test(path))
      continue;
    const real = path.replace("{name}", "shop").replace("{actor}", "@a,");
    const response = await fetch(url + real.replace("/actors/order/@a,", "/actors/shop/@a,"));
    await response.arrayBuffer();
    asked.push(`${response.status} ${path}`);
  }
  assert.deepEqual(
    asked.filter((line) => !line.startsWith("200")),
    [],
  );
  assert.ok(asked.length > 20);
});

test("the AsyncAPI document is valid", async (t) => {
  const { url } = await serve(t, inspected);
  const document = await json(`${url}/asyncapi.json`);
  const path = createRequire(import.meta.url).resolve("@asyncapi/specs/schemas/3.0.0-without-$id.json");
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const validate = ajv.compile(JSON.parse(readFileSync(path, "utf8")) as Json);
  const valid = validate(document);
  assert.deepEqual(validate.errors ?? [], []);
  assert.equal(valid, true);
  const shop = document.channels.shop;
  assert.equal(shop.address, "/actors/shop/{actor}/connect");
  assert.equal(shop.messages["event.changed"].payload.prefixItems[2].prefixItems[0].type, "number");
  assert.deepEqual(shop.messages.call.payload.prefixItems[2].enum.slice(0, 2), ["add", "rename"]);
});

test("every reference of both documents leads somewhere, also in schemas that refer to themselves", async (t) => {
  interface Folder {
    readonly name: string;
    readonly folders: readonly Folder[];
  }
  const folder: z.ZodType<Folder> = z.object({
    name: z.string(),
    get folders() {
      return z.array(folder);
    },
  });
  const named = z.object({ name: z.string() }).meta({ id: "named" });
  const tree = actor({
    events: { grown: event<Folder>({ schema: folder }) },
    queues: { leaves: queue<{ a: unknown; b: unknown }>({ message: z.object({ a: named, b: named }) }) },
    actions: { plant: action({ input: folder, output: folder, handler: (_c, planted) => planted }) },
  });
  const { url } = await serve(t, { "tree/of~life": tree });
  let asked = 0;
  for (const path of ["/openapi.json", "/asyncapi.json"]) {
    const document = await json(url + path);
    const visit = (value: Loose): void => {
      if (typeof value !== "object" || value === null) return;
      const reference = value.$ref;
      if (typeof reference === "string") {
        asked++;
        assert.ok(reference.startsWith("#/"), reference);
        const steps = decodeURIComponent(reference.slice(2)).split("/");
        const found = steps
          .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
          .reduce((at: Loose, step) => at?.[step], document);
        assert.equal(typeof found, "object", `${path}: ${reference} leads nowhere`);
        if (!reference.startsWith("#/components/") && !reference.startsWith("#/channels/")) {
          assert.ok("type" in found || "$ref" in found, reference);
        }
      }
      for (const each of Object.values(value)) visit(each);
    };
    visit(document);
  }
  assert.ok(asked > 20);
});

test("the page shows both without scripts, and nothing of a name is markup", async (t) => {
  const evil = { "<script>alert(1)</script>": actor({ actions: { "<img src=x>": () => 1 } }) };
  const { url } = await serve(t, evil);
  const response = await fetch(`${url}/docs`);
  assert.match(response.headers.get("content-type") ?? "", /^text\/html/);
  assert.match(
    response.headers.get("content-security-policy") ?? "",
    /default-src 'none'; style-src 'sha256-/,
  );
  const page = await response.text();
  assert.doesNotMatch(page, /<script|<img|https?:\/\/(?!spec)/);
  assert.match(page, /&lt;script&gt;/);
  assert.equal((await fetch(`${url}/docs`, { method: "POST" })).status, 405);
  assert.equal((await fetch(`${url}/docs`, { method: "HEAD" })).status, 200);
});
