/** The provider cloudflare through Cloudflare's own SDK, in an emulated runtime of Workers. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { SandboxDestroyedError } from "../../src/index.ts";
import {
  type CloudflareModule,
  type CloudflareSdkOptions,
  cloudflare,
} from "../../src/providers/cloudflare.ts";
import { conforms, keepsApart } from "../providers/conformance.ts";
import { bundledForWorkers, SandboxNamespace } from "./cloudflare-runtime.ts";
import { checkAgainstTypes, repository } from "./vendor-sdk.ts";

const sdkPackage = { name: "@cloudflare/sandbox", version: "0.12.10" };

describe("cloudflare", () => {
  let binding: SandboxNamespace;
  let options: CloudflareSdkOptions;

  before(async () => {
    const sdk = await bundledForWorkers<CloudflareModule>(sdkPackage);
    binding = new SandboxNamespace(sdk);
    options = { sdk, binding };
  });
  after(() => binding?.close());

  test("conforms", async () => {
    await conforms(cloudflare(options));
    await keepsApart(cloudflare(options));
    assert.equal(binding.running, 0, "nothing is left");
  });

  test("a command that fails is told with what it said, and leaves no container", async () => {
    const installCommand = "echo no registry; echo answers >&2; exit 7";
    await assert.rejects(cloudflare({ ...options, installCommand }).create(), (error: Error) => {
      assert.match(error.message, /failed with 7: no registry\nanswers/);
      return true;
    });
    assert.equal(binding.running, 0);
  });

  test("a sandbox that is gone is told as such, and not made anew", async () => {
    await assert.rejects(Promise.resolve(cloudflare(options).reconnect?.("gone")), SandboxDestroyedError);
    assert.equal(binding.running, 0);
  });

  test("what is known of the SDK is what its types say", () => {
    const said = checkAgainstTypes(
      sdkPackage,
      `import * as sdk from "@cloudflare/sandbox";
       import type { CloudflareSdkSandbox as Known } from "${repository}/packages/sandbox-client/src/providers/cloudflare.ts";
       type Sandbox = ReturnType<typeof sdk.getSandbox>;
       export const exec = (sandbox: Sandbox): Known["exec"] => (command, options) => sandbox.exec(command, options);
       export const destroy = (sandbox: Sandbox): Known["destroy"] => () => sandbox.destroy();
       export const port = (sandbox: Sandbox): unknown => sandbox.containerFetch("http://localhost:8000/", {}, 8000);
       export const options: Parameters<typeof sdk.getSandbox>[2] = { keepAlive: true };
      `,
    );
    assert.equal(said, "");
  });
});
