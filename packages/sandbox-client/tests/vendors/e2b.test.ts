/** The provider e2b through E2B's own SDK, against an emulator of its API. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { SandboxDestroyedError } from "../../src/index.ts";
import { type E2BModule, type E2BProviderOptions, e2b } from "../../src/providers/e2b.ts";
import { conforms, keepsApart } from "../providers/conformance.ts";
import { E2BService, e2bKey } from "./e2b-service.ts";
import { checkAgainstTypes, repository, vendorSdk } from "./vendor-sdk.ts";

const sdkPackage = { name: "@e2b/code-interpreter", version: "2.8.0" };

describe("e2b", () => {
  const service = new E2BService();
  let connection: Record<string, unknown>;
  let options: E2BProviderOptions;

  before(async () => {
    const url = await service.start();
    connection = { apiKey: e2bKey, apiUrl: url, sandboxUrl: url };
    options = { sdk: await vendorSdk<E2BModule>(sdkPackage), create: connection, connect: connection };
  });
  after(() => service.close());

  const provider = (more: E2BProviderOptions = {}) => {
    const made = e2b({ ...options, ...more });
    return {
      ...made,
      async getUrl(id: string): Promise<string> {
        assert.equal(await made.getUrl?.(id), `https://3000-${id}.e2b.app`);
        // The service's proxy has a name and a certificate for each port; a machine of this test has neither.
        return service.urlOf(id);
      },
    };
  };

  test("conforms, with a lifetime of an hour, after which it is paused", async () => {
    const asked: string[] = [];
    const connect = async (id: string) => {
      asked.push(id);
      return connection;
    };
    const lazy = { template: async () => "mine", create: () => connection, connect };
    await conforms(provider({ ...lazy, autoPause: false }));
    await keepsApart(provider());
    assert.deepEqual(service.templates, ["mine", "base", "base"]);
    assert.deepEqual(service.pausing, [false, true, true]);
    assert.equal(new Set(asked).size, 1, "the options are made for the sandbox that they are for");
    assert.deepEqual([...new Set(service.lifetimes)], [3_600]);
    assert.equal(service.running, 0, "nothing is left");
  });

  test("a command that fails is told with what it said, and leaves no sandbox", async () => {
    const failing = provider({ installCommand: "echo no registry; echo answers >&2; exit 7" });
    await assert.rejects(failing.create(), (error: Error) => {
      assert.match(error.message, /failed with 7: no registry\nanswers/);
      return true;
    });
    assert.equal(service.running, 0);
  });

  test("a sandbox that is gone is told as such, and a wrong key is not", async () => {
    await assert.rejects(Promise.resolve(provider().reconnect?.("gone")), SandboxDestroyedError);
    const connect = { ...connection, apiKey: `e2b_${"1".repeat(40)}` };
    const denied = provider({ connect });
    await assert.rejects(Promise.resolve(denied.reconnect?.("gone")), { name: "AuthenticationError" });
    await assert.rejects(Promise.resolve(denied.pause?.("gone")), { name: "AuthenticationError" });
  });

  test("what is known of the SDK is what its types say, and the emulator answers as its API does", () => {
    const said = checkAgainstTypes(
      sdkPackage,
      `import * as sdk from "@e2b/code-interpreter";
       import type { components } from "e2b";
       import type { E2BModule } from "${repository}/packages/sandbox-client/src/providers/e2b.ts";
       import type { E2BCreateRequest, E2BErrorAnswer, E2BSandboxAnswer } from "${import.meta.dirname}/e2b-service.ts";
       type Schemas = components["schemas"];
       export const known: E2BModule = sdk;
       export const sandbox = (answer: E2BSandboxAnswer): Schemas["Sandbox"] => answer;
       export const error = (answer: E2BErrorAnswer): Schemas["Error"] => answer;
       export const asked = (request: Schemas["NewSandbox"]): E2BCreateRequest => request;
      `,
    );
    assert.equal(said, "");
  });
});
