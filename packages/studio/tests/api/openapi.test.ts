/** The OpenAPI document of a Studio: complete, valid, and enough for a typed client. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Validator } from "@seriousme/openapi-schema-validator";
import openapiTypeScript, { astToString, type OpenAPI3 } from "openapi-typescript";
import { type ActorRules, actorRules } from "../../src/access/actor-rules.ts";
import { routeRules } from "../../src/access/route-rules.ts";
import { createStudio } from "../../src/index.ts";
import { logIn, makeRepository, temporaryFolder } from "../support.ts";

type Json = Readonly<Record<string, unknown>>;
type Document = Json & { readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>> };

/** Routes that are no part of the API, each with its reason. */
const notDescribed: Readonly<Record<string, string>> = {
  "UPGRADE /tasks/:task/sandbox/v1/processes/:process/terminal/ws": "OpenAPI has no WebSockets.",
  "UPGRADE /environments/:environment/sandbox/v1/processes/:process/terminal/ws":
    "OpenAPI has no WebSockets.",
  "UPGRADE /tasks/:task/sandbox/v1/desktop/stream/signaling": "OpenAPI has no WebSockets.",
  "GET /tasks/:task/sandbox/*": "Files of a web app.",
  "GET /ui/*": "Files of a web app.",
  "GET /*": "Files of a web app.",
};

const actions = Object.entries<ActorRules>(actorRules).flatMap(([actor, rules]) =>
  rules === "internal"
    ? []
    : Object.keys(rules.actions).flatMap((action) =>
        action === "internal" ? [] : [[actor, action] as const],
      ),
);

test("the OpenAPI document", async (t) => {
  const folder = temporaryFolder(t);
  const repository = makeRepository(folder);
  const studio = await createStudio({
    ...{ dataDirectory: join(folder, "data"), webDirectory: folder, runTasks: false, environment: {} },
  });
  t.after(() => studio.close());
  const cookie = await logIn(studio.url, await studio.issueTicket());
  const response = await fetch(`${studio.url}/openapi.json`, { headers: { cookie } });
  const document = (await response.json()) as Document;

  await t.test("is valid", async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    assert.deepEqual([valid, errors ?? []], [true, []]);
  });

  await t.test("describes what each action takes and answers, and the errors that its contract names", () => {
    for (const [actor, action] of actions) {
      const post = document.paths[`/actors/${actor}/{actor}/actions/${action}`]?.["post"];
      assert.ok(post, `${actor}.${action} is missing`);
      const text = JSON.stringify(post);
      assert.ok(!text.includes('"items":{}'), `${actor}.${action} has no schema of its arguments`);
    }
    const { post } = document.paths["/actors/task/{actor}/actions/prompt"] ?? {};
    assert.match(JSON.stringify(post?.["responses"]), /task\.queue_full, task\.stopping/);
    assert.match(JSON.stringify(post?.["requestBody"]), /"minItems":1,"maxItems":2/);
  });

  await t.test("describes each route, and nothing that nobody can reach", () => {
    const described = Object.keys(routeRules).filter((route) => {
      const [method = "", pattern = ""] = route.split(" ");
      const path = pattern.replaceAll(/:(\w+)/g, "{$1}").replace("*", "{rest}");
      return document.paths[path]?.[method.toLowerCase()] !== undefined;
    });
    const missing = Object.keys(routeRules).filter((route) => !described.includes(route));
    const expected = Object.keys(notDescribed);
    assert.deepEqual(
      missing.sort(),
      expected.sort(),
      "add a row to src/api/http-routes.ts, or a reason here",
    );
    const hidden = Object.keys(document.paths).filter((path) =>
      /\/actors\/(access|user|members)\//.test(path),
    );
    assert.deepEqual(hidden, []);
  });

  await t.test("makes a typed client, which compiles and makes three real calls", async () => {
    const types = astToString(await openapiTypeScript(document as unknown as OpenAPI3));
    // Below the package, so that it finds what the package finds.
    const place = fileURLToPath(new URL("../../dist/client-test", import.meta.url));
    t.after(() => rmSync(place, { recursive: true, force: true }));
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, "api.ts"), types);
    writeFileSync(join(place, "client.ts"), client);
    writeFileSync(
      join(place, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          ...{ strict: true, noEmit: true, module: "nodenext", target: "esnext", types: ["node"] },
          ...{ allowImportingTsExtensions: true, skipLibCheck: true },
        },
        include: ["client.ts"],
      }),
    );
    const tsc = fileURLToPath(new URL("../../../../node_modules/.bin/tsc", import.meta.url));
    const runProgram = promisify(execFile);
    await runProgram(tsc, ["-p", place], { timeout: 60_000 });
    const env = { ...process.env, STUDIO_URL: studio.url, STUDIO_COOKIE: cookie, REPOSITORY: repository };
    const program = [join(place, "client.ts")];
    // Not synchronous: the server runs in this process.
    const { stdout: printed } = await runProgram(process.execPath, program, { env, timeout: 60_000 });
    assert.deepEqual(JSON.parse(printed), {
      ...{
        status: "preparing",
        total: 1,
        titles: ["Say hello"],
        refused: "task.invalid_input",
        people: true,
      },
    });
  });
});

/** A program of a user. `@ts-expect-error` fails the compilation if the types take anything. */
const client = `
import createClient from "openapi-fetch";
import type { paths } from "./api.ts";

const { STUDIO_URL = "", STUDIO_COOKIE = "", REPOSITORY = "" } = process.env;
const api = createClient<paths>({ baseUrl: STUDIO_URL, headers: { cookie: STUDIO_COOKIE } });
const path = { actor: "@local," };

const created = await api.POST("/actors/organization/{actor}/actions/createTask", {
  params: { path, query: { create: true } },
  body: { args: [{ repository: REPOSITORY, agent: "demo", prompt: "Say hello" }] },
});
const counted = await api.POST("/actors/organization/{actor}/actions/countTasks", {
  params: { path },
  body: { args: [] },
});
const listed = await api.POST("/actors/organization/{actor}/actions/listTasks", {
  params: { path },
  body: { args: [{ limit: 5, statuses: ["preparing"] }] },
});
const wrong = await api.POST("/actors/organization/{actor}/actions/listTasks", {
  params: { path },
  // @ts-expect-error: a status that does not exist
  body: { args: [{ statuses: ["late"] }] },
});
const options = await api.GET("/auth/options");
console.log(
  JSON.stringify({
    status: created.data?.output.status,
    total: counted.data?.output.total,
    titles: listed.data?.output.tasks.map(({ title }) => title),
    refused: \`\${wrong.error?.group}.\${wrong.error?.code}\`,
    people: options.data?.people === false,
  }),
);
`;
