import assert from "node:assert/strict";
import { test } from "node:test";
import { asReleased } from "./sbom.ts";

test("our own packages have their names and the version of the release in a bill, wherever it names them", () => {
  const component = (name: string, version: string, ref: string, properties: readonly object[] = []) => ({
    ...{ "bom-ref": ref, name, version, purl: `pkg:npm/${ref.replace("@h", "%40h")}`, properties },
  });
  const isPrivate = [{ name: "cdx:npm:package:private", value: "true" }];
  const yaml = component("yaml", "0.1.0", "yaml@0.1.0");
  const text = JSON.stringify({
    components: [
      component("core", "0.1.0", "@h/core@0.1.0", isPrivate),
      component("parts", "0.1.0", "@h/parts@0.1.0", isPrivate),
      yaml,
    ],
    dependencies: [{ ref: "@h/core@0.1.0", dependsOn: ["yaml@0.1.0"] }],
  });
  const own = new Map(["@h/core", "@h/parts"].map((name) => [name, "0.1.0"]));
  assert.deepEqual(asReleased(text, own, new Set(["@h/core"]), "1.2.0"), {
    components: [
      component("@h/core", "1.2.0", "@h/core@1.2.0"),
      component("@h/parts", "1.2.0", "@h/parts@1.2.0", isPrivate),
      yaml,
    ],
    dependencies: [{ ref: "@h/core@1.2.0", dependsOn: ["yaml@0.1.0"] }],
  });
});
