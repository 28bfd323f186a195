/** The provider sprites through the SDK of Sprites, against an emulator of its API. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { SandboxDestroyedError } from "../../src/index.ts";
import { type SpritesModule, type SpritesProviderOptions, sprites } from "../../src/providers/sprites.ts";
import { conforms } from "../providers/conformance.ts";
import { SpritesService, spritesKey } from "./sprites-service.ts";
import { checkAgainstTypes, repository, vendorSdk } from "./vendor-sdk.ts";

const sdkPackage = { name: "@fly/sprites", version: "0.1.0" };

describe("sprites", () => {
  const service = new SpritesService();
  let client: Record<string, unknown>;
  let options: SpritesProviderOptions;

  before(async () => {
    client = { baseURL: await service.start() };
    options = { sdk: await vendorSdk<SpritesModule>(sdkPackage), token: spritesKey, client };
  });
  after(() => service.close());

  test("conforms; the account's key stays outside, and who has not got it is kept out", async () => {
    const create = async () => ({ config: { ramMB: 2_048 } });
    const provider = sprites({ ...options, create, env: () => ({ SHOWN: "yes" }) });
    await conforms(provider);
    const [made, started] = service.asked as [Record<string, unknown>, Record<string, unknown>];
    assert.deepEqual(made["config"], { ram_mb: 2_048 });
    assert.match(String(made["name"]), /^holdfast-/);
    assert.deepEqual(started["env"], { SHOWN: "yes" });
    assert.equal(started["http_port"], 8_080);
    assert.match(JSON.stringify(started), / sandbox server --no-token .* --allow-host '127\.0\.0\.1'/);
    assert.ok(!JSON.stringify(service.asked).includes(spritesKey));
    const id = await provider.create();
    const url = await provider.getUrl?.(id);
    assert.equal((await fetch(`${url}/v1/health`)).status, 401);
    await provider.destroy(id);
    assert.equal(service.count, 0, "nothing is left");
  });

  test("a server that runs is not started once more", async () => {
    const provider = sprites(options);
    const id = await provider.create();
    const before = service.asked.length;
    await provider.ensureServer?.(id);
    assert.equal(service.asked.length, before);
    await provider.destroy(id);
  });

  test("agents are installed before the server starts", async () => {
    service.script = [{ type: "started" }];
    try {
      const provider = sprites({ ...options, client: () => client, installAgents: ["codex", "pi"] });
      await provider.destroy(await provider.create());
    } finally {
      service.script = undefined;
    }
    const { args } = service.asked.at(-1) as { readonly args: readonly string[] };
    assert.match(
      args.at(-1) ?? "",
      /^npx -y -p \S+ -p \S+ holdfast sandbox install-agent 'codex' && npx .* install-agent 'pi' && exec npx .* server /,
    );
  });

  test("a server that does not start is told with its last words, and leaves no sprite", async () => {
    const end = { type: "exit", exit_code: 7 };
    service.script = [{ type: "stderr", data: "npm: no registry answers\n" }, end];
    try {
      await assert.rejects(sprites(options).create(), /ended on the sprite with 7: npm: no registry answers/);
      service.script = [{ type: "error", data: "no such port" }];
      await assert.rejects(sprites(options).create(), /did not start on the sprite: no such port/);
    } finally {
      service.script = undefined;
    }
    assert.equal(service.count, 0);
  });

  test("a sprite that is gone is told as such, and a wrong key is not", async () => {
    await assert.rejects(Promise.resolve(sprites(options).reconnect?.("gone")), SandboxDestroyedError);
    const denied = sprites({ ...options, token: () => "another" });
    await assert.rejects(denied.destroy("gone"), { name: "APIError", statusCode: 401 });
  });

  test("what is known of the SDK is what its types say", () => {
    const said = checkAgainstTypes(
      sdkPackage,
      `import * as sdk from "@fly/sprites";
       import type { SpritesModule } from "${repository}/packages/sandbox-client/src/providers/sprites.ts";
       export const known: SpritesModule = sdk;
      `,
    );
    assert.equal(said, "");
  });
});
