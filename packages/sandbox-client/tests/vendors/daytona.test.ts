/** The provider daytona through Daytona's own SDK, against an emulator of its API. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { SandboxDestroyedError } from "../../src/index.ts";
import { type DaytonaModule, type DaytonaProviderOptions, daytona } from "../../src/providers/daytona.ts";
import { conforms, keepsApart } from "../providers/conformance.ts";
import { DaytonaService, daytonaKey } from "./daytona-service.ts";
import { checkAgainstTypes, repository, vendorSdk } from "./vendor-sdk.ts";

const sdkPackage = { name: "@daytonaio/sdk", version: "0.218.0" };

describe("daytona", () => {
  const service = new DaytonaService();
  let options: DaytonaProviderOptions;

  before(async () => {
    const client = { apiKey: daytonaKey, apiUrl: await service.start() };
    options = { sdk: await vendorSdk<DaytonaModule>(sdkPackage), client };
  });
  after(() => service.close());

  test("conforms, and its sandboxes do not stop by themselves", async () => {
    await conforms(daytona(options));
    await keepsApart(daytona({ ...options, image: "node:24-slim" }));
    assert.deepEqual([...new Set(service.created.map((each) => each.autoStopInterval))], [0]);
    assert.match(service.created.at(-1)?.buildInfo?.dockerfileContent ?? "", /^FROM node:24-slim/);
    assert.ok(service.commands.every(({ timeout = 0 }) => timeout >= 600));
    assert.equal(service.count, 0, "nothing is left");
  });

  test("a command that fails is told with what it said, and leaves no sandbox", async () => {
    const installCommand = "echo no registry; echo answers >&2; exit 7";
    await assert.rejects(daytona({ ...options, installCommand }).create(), (error: Error) => {
      assert.match(error.message, /failed with 7: no registry\nanswers/);
      return true;
    });
    assert.equal(service.count, 0);
  });

  test("a sandbox that is gone is told as such, and a wrong key is not", async () => {
    const provider = daytona(options);
    await assert.rejects(Promise.resolve(provider.reconnect?.("gone")), SandboxDestroyedError);
    await assert.rejects(Promise.resolve(provider.pause?.("gone")), SandboxDestroyedError);
    const denied = daytona({ ...options, client: { ...options.client, apiKey: "another" } });
    await assert.rejects(denied.destroy("gone"), { name: "DaytonaAuthenticationError" });
  });

  test("what is known of the SDK is what its types say, and the emulator answers as its API does", () => {
    const said = checkAgainstTypes(
      sdkPackage,
      `import * as sdk from "@daytonaio/sdk";
       import type { CreateSandbox, Sandbox, SignedPortPreviewUrl } from "@daytona/api-client";
       import type { ExecuteRequest, ExecuteResponse } from "@daytona/toolbox-api-client";
       import type { DaytonaModule } from "${repository}/packages/sandbox-client/src/providers/daytona.ts";
       import type * as service from "${import.meta.dirname}/daytona-service.ts";
       // The states are an enumeration there, and their texts here.
       type Told<T> = { [Name in keyof T]: T[Name] extends string | undefined ? T[Name] | \`\${NonNullable<T[Name]>}\` : T[Name] };
       export const known: DaytonaModule = sdk;
       export const sandbox = (answer: service.DaytonaSandboxAnswer): Told<Sandbox> => answer;
       export const preview = (answer: service.DaytonaPreviewAnswer): SignedPortPreviewUrl => answer;
       export const done = (answer: service.DaytonaCommandAnswer): ExecuteResponse => answer;
       export const made = (request: CreateSandbox): service.DaytonaCreateRequest => request;
       export const run = (request: ExecuteRequest): service.DaytonaCommandRequest => request;
      `,
    );
    assert.equal(said, "");
  });
});
