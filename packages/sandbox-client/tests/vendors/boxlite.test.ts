/** The provider boxlite through BoxLite's own SDK, against an emulator of its server. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { SandboxDestroyedError } from "../../src/index.ts";
import { type BoxliteModule, type BoxliteProviderOptions, boxlite } from "../../src/providers/boxlite.ts";
import { conforms, keepsApart } from "../providers/conformance.ts";
import { BoxliteService, boxliteKey } from "./boxlite-service.ts";
import { checkAgainstTypes, repository, vendorSdk } from "./vendor-sdk.ts";

const sdkPackage = { name: "@boxlite-ai/boxlite", version: "0.10.0" };

describe("boxlite", () => {
  const service = new BoxliteService();
  let options: BoxliteProviderOptions;

  before(async () => {
    const remote = { url: await service.start(), apiKey: boxliteKey };
    options = { sdk: await vendorSdk<BoxliteModule>(sdkPackage), remote };
  });
  after(() => service.close());

  test("conforms, and its boxes do not stop by themselves", async () => {
    await conforms(boxlite({ ...options, create: { memoryMib: 2_048 } }));
    await keepsApart(boxlite(options));
    const [first] = service.created;
    assert.equal(first?.["image"], "node:24-slim");
    assert.equal(first?.["memory_mib"], 2_048);
    assert.deepEqual([...new Set(service.created.map((each) => each["auto_stop"]))], [0]);
    assert.equal(service.count, 0, "nothing is left");
  });

  test("a command that fails is told with what it said, and leaves no box", async () => {
    const installCommand = "echo no registry; echo answers >&2; exit 7";
    await assert.rejects(boxlite({ ...options, installCommand }).create(), (error: Error) => {
      assert.match(error.message, /failed with 7: no registry\nanswers/);
      return true;
    });
    assert.equal(service.count, 0);
  });

  test("a box that is gone is told as such, and a wrong key is not", async () => {
    await assert.rejects(Promise.resolve(boxlite(options).reconnect?.("gone")), SandboxDestroyedError);
    const remote = { url: options.remote?.url ?? "", apiKey: "another" };
    await assert.rejects(boxlite({ ...options, remote }).destroy("gone"), /API key/);
  });

  test("what is known of the SDK is what its types say", () => {
    const said = checkAgainstTypes(
      sdkPackage,
      `import * as sdk from "@boxlite-ai/boxlite";
       import type { BoxliteModule } from "${repository}/packages/sandbox-client/src/providers/boxlite.ts";
       export const known: BoxliteModule = sdk;
      `,
    );
    assert.equal(said, "");
  });
});
